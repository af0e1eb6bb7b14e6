-- What a customer success team wants to see in Planhat and only the warehouse can compute.
-- target-duckdb lower-cases column names; the columns of the tables under send are named after Planhat's fields.

create schema if not exists product;
create schema if not exists send;

-- Usage of each company: the last 28 days of its metrics against the 28 before, and its place among all companies.
create or replace table product.usage as
with points as (
    select companyid as company, dimensionid as metric, cast(time as date) as day, value
    from planhat.dimension_data
    where model = 'Company' and dimensionid <> 'usage_score'
), latest as (
    select max(day) as day from points
), sums as (
    select company, metric,
           sum(value) filter (points.day > latest.day - 28) as recent,
           sum(value) filter (points.day <= latest.day - 28 and points.day > latest.day - 56) as before
    from points cross join latest
    group by company, metric
), placed as (
    -- Each metric counts the same, whatever its size.
    select company, recent, before, percent_rank() over (partition by metric order by recent) as place
    from sums
)
select company,
       round(100 * avg(place), 1) as score,
       round(100 * avg((recent - before) / nullif(before, 0)), 1) as trend,
       case when score >= 75 then 'High' when score >= 25 then 'Medium' else 'Low' end as tier
from placed
group by company;

-- Whom to call first.
create or replace view product.falling_fastest as
select name, tier, score, trend
from product.usage
join planhat.companies on companies._id = usage.company
order by trend
limit 5;

-- A daily score for each company, a metric of its own: the place of the day among all companies.
create or replace table product.daily_score as
with points as (
    select companyid as company, dimensionid as metric, cast(time as date) as day, value
    from planhat.dimension_data
    where model = 'Company' and dimensionid <> 'usage_score'
), placed as (
    select company, day, percent_rank() over (partition by metric, day order by value) as place
    from points
    where day > (select max(day) - 7 from points)
)
select company, day, round(100 * avg(place), 1) as score
from placed
group by company, day;

-- People who signed up in the product; one of a company that Planhat does not know.
create or replace table product.signups as
select 'signup-' || row_number() over (order by externalid) as id,
       externalid as company,
       'new.user' || row_number() over (order by externalid) || '@signup.example' as email
from (select externalid from planhat.companies where externalid is not null order by externalid limit 24)
union all
select 'signup-lost', 'no-such-company', 'lost@signup.example';

-- Custom fields: usage tier, score and trend.
create or replace table send.companies as
select companies.externalid as "externalId",
       json_object(
           'Usage tier', tier,
           'Usage score', score,
           'Usage trend %', trend
       ) as custom
from product.usage
join planhat.companies on companies._id = usage.company
where companies.externalid is not null;

create or replace table send.endusers as
select id as "externalId", email, 'New' as "firstName", 'User' as "lastName", 'extid-' || company as "companyId"
from product.signups;

-- Only the days that Planhat does not hold yet with this value: a metric that adds up must not be sent twice.
create or replace table send.metrics as
select 'usage_score' as "dimensionId", score as value, companies.externalid as "externalId", 'Company' as model,
       day as date
from product.daily_score
join planhat.companies on companies._id = daily_score.company
where companies.externalid is not null
  and not exists (
      from planhat.dimension_data as held
      where held.dimensionid = 'usage_score' and held.companyid = daily_score.company
        and cast(held.time as date) = daily_score.day
  );

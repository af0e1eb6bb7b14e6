"""Words for the rows of the seeded tenant, many of them with characters outside ASCII."""

from __future__ import annotations

FIRST_NAMES = (
    "Ada", "Björn", "Chloé", "Dmitri", "Elif", "Fatima", "Grace", "Hiroshi", "Inés", "João", "Kim", "Łukasz",
    "María", "Noor", "Oluwaseun", "Petra", "Quentin", "Rūta", "Søren", "Thảo", "Ursula", "Viktor", "Wei", "Xochitl",
    "Yuki", "Zoë", "明", "Алёна", "D'Arcy", "Jean-Luc",
)  # fmt: skip
LAST_NAMES = (
    "Andersson", "Brown", "Çelik", "Dubois", "Eriksen", "Fernández", "García", "Hoffmann", "Ivanova", "Jensen",
    "Kowalski", "Lindqvist", "Müller", "Nakamura", "O'Neill", "Petrov", "Quiñones", "Rossi", "Smith", "Tanaka",
    "Ueda", "van der Berg", "Walker", "Xu", "Yavuz", "Zhang",
)  # fmt: skip
COMPANY_NAMES = (
    "Acme", "Blåbär", "Cirrus", "Dynamo", "Éclair", "Fjord", "Globex", "Hooli", "Initech", "Jötunn", "Kite 🪁",
    "Lumen", "Müsli", "Northwind", "Óptimo", "Pied Piper", "Quark", "Rocket 🚀", "Smørrebrød", "Tyrell", "Umbrella",
    "Vandelay", "Wayne", "Xenon", "Yggdrasil", "Zażółć", "株式会社ひかり", "Привет",
)  # fmt: skip
COMPANY_FORMS = ("AB", "GmbH", "Inc.", "Ltd", "S.A.", "& Sons", "Labs", "Oy", "B.V.", "Group")
COUNTRIES = ("Sweden", "Germany", "United States", "United Kingdom", "España", "日本", "Brasil", "France")
CITIES = ("Stockholm", "München", "Boston", "London", "Málaga", "京都", "São Paulo", "Lyon")
PHASES = ("Onboarding", "Adoption", "Value", "Renewal 🔁", "At risk")
STATUSES = ("prospect", "coming", "customer", "customer", "customer", "customer", "canceled", "lost")
PLANS = ("Free", "Starter", "Team", "Enterprise")
REGIONS = ("EMEA", "AMER", "APAC", "Nordics")
CURRENCIES = ("EUR", "EUR", "USD", "GBP", "SEK")
PRODUCTS = ("Core", "Insights", "Portal", "Automations", "Support+", "Données", "API", "Training")
POSITIONS = ("CEO", "Head of IT", "Développeuse", "Analyst", "Account Manager", "Produktchefin", "CTO", "Einkauf")
TAGS = ("vip", "beta", "referenceable", "müde", "🔥 hot", "legacy")
SUBJECTS = (
    "Kick-off", "Quarterly review", "Renewal talk", "Bug in export", "Feature wish: dark mode 🌙", "Onboarding step 2",
    "Re: invoice", "Zugriff für neue Nutzer", "Check-in", "Eskalering",
)  # fmt: skip
SENTENCES = (
    "They are happy with the new dashboard.", 'Export fails for rows with "quotes" & ampersands.',
    "Wants a demo for 25 people next week.", "Budget is frozen until Q3 😬.", "Der Import läuft jetzt täglich.",
    "Asked about SSO, SCIM and a C:\\temp path.", "Champion leaves in June.", "La mise à jour est prévue.",
)  # fmt: skip
ACTIONS = ("Call", "Send proposal", "Prepare QBR", "Follow up on ticket", "Invite to webinar", "Rechnung prüfen")
STAGES = ("Qualified", "Pitched", "Negotiation", "Closed Won", "Closed Lost")
REASONS = ("Price", "Missing feature", "Merger", "Bankruptcy", "Lack of use")
ISSUE_STATUSES = ("Open", "In Progress", "Done")
TICKET_STATUSES = ("open", "pending", "solved", "closed")

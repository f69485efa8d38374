CREATE TABLE app_roles (
    name text PRIMARY KEY,
    description text NOT NULL
);

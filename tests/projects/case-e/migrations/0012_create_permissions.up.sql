CREATE TABLE permissions (
    role text NOT NULL REFERENCES app_roles (name) ON DELETE CASCADE,
    action text NOT NULL,
    PRIMARY KEY (role, action)
);

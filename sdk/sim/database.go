package sim

import "database/sql/driver"

// Database opens a connector to a database file.
type Database func(file string) driver.Connector

package storetest

import (
	"testing"

	"github.com/millrace/millrace/internal/store"
)

func TestObjects(t *testing.T) {
	TestStore(t, func(*testing.T) store.Store { return &Objects{} })
}

func TestObjectsBelow(t *testing.T) {
	TestStore(t, func(*testing.T) store.Store { return Below(&Objects{}, "a/") })
}

namespace Cloister.KeyStores.RootKeys;

internal static class RootKeyFailures
{
    public static KeyStoreException NotAuthentic(Exception? inner) =>
        new(KeyStoreFailure.Damaged, "a wrapped KEK does not open: it was changed, or wrapped by another root key", inner);
}

using Cloister.KeyStores;

namespace Cloister.Broker.Administration;

/// <summary>The broker's key stores, by name.</summary>
internal sealed class KeyStoreSet(IReadOnlyDictionary<string, IKeyStore> stores)
{
    /// <summary>A store.</summary>
    /// <exception cref="AdministrationException">There is none of that name.</exception>
    internal IKeyStore Find(string name) => stores.TryGetValue(name, out IKeyStore? store)
        ? store
        : throw new AdministrationException(
            $"there is no key store {name}; configured are {string.Join(", ", stores.Keys.Order(StringComparer.Ordinal))}", AdministrationFailure.NotFound);

    /// <summary>The name that was given, or that of the only store.</summary>
    /// <exception cref="AdministrationException">None was given, and there are several.</exception>
    internal string NameOrOnly(string? name) => name ?? (stores.Count == 1
        ? stores.Keys.Single()
        : throw new AdministrationException(
            $"name the key store: there are {string.Join(", ", stores.Keys.Order(StringComparer.Ordinal))}", AdministrationFailure.BadRequest));
}

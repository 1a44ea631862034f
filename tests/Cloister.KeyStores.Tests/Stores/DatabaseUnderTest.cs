using Cloister.KeyStores.Database;
using Cloister.KeyStores.RootKeys;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>A database of its own, and a root key.</summary>
internal sealed class DatabaseUnderTest : IStoreUnderTest
{
    private readonly TestFolder _folder = new();
    private readonly Func<IRootKey> _root;

    public DatabaseUnderTest(PostgresServer? postgres = null, Func<IRootKey>? root = null)
    {
        Address = postgres is null ? $"sqlite:{_folder.File("keks.db")}" : $"postgres:{postgres.NewDatabase()}";
        _root = root ?? (() => FileRootKey.Open(_folder.File("UNPROTECTED-root.key")));
    }

    public string Address { get; }

    public async Task<IKeyStore> OpenAsync() => await DatabaseKeyStore.OpenAsync(Address, _root(), TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }
}

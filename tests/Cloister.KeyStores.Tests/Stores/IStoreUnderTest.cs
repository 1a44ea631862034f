namespace Cloister.KeyStores.Tests.Stores;

/// <summary>What keeps the keys of one kind of store, so that a store can be opened, closed and opened again.</summary>
internal interface IStoreUnderTest : IAsyncDisposable
{
    Task<IKeyStore> OpenAsync();
}

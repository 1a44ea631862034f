using Cloister.KeyStores.Pkcs11;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>A token.</summary>
internal sealed class TokenUnderTest(string name) : IStoreUnderTest
{
    private readonly Pkcs11TokenOptions _options = OtherTokens.Of(name);

    public Task<IKeyStore> OpenAsync() => Task.FromResult<IKeyStore>(new Pkcs11KeyStore(_options));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

using Cloister.KeyStores.Pkcs11;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>A token of SoftHSM.</summary>
internal sealed class TokenUnderTest : IStoreUnderTest
{
    private readonly Pkcs11TokenOptions _options = SoftHsm.Shared().Token;

    public Task<IKeyStore> OpenAsync() => Task.FromResult<IKeyStore>(new Pkcs11KeyStore(_options));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

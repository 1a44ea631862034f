using Cloister.KeyStores.Tests.Stores;
using Cloister.KeyStores.Vault;

namespace Cloister.KeyStores.Tests;

public sealed class VaultTransitTests
{
    [Fact]
    public async Task Another_token_authority_or_scheme_is_refused()
    {
        await using VaultUnderTest under = await VaultUnderTest.StartAsync();
        using TestFolder folder = new();
        File.WriteAllText(folder.File("token"), "another");
        File.WriteAllText(folder.File("ca.pem"), LocalWebServer.NewCertificate().ExportCertificatePem());
        await AssertFailsAsync(KeyStoreFailure.Denied, under.Options with { TokenFile = folder.File("token") });
        await AssertFailsAsync(KeyStoreFailure.Unavailable, under.Options with { TokenFile = folder.File("none") });
        await AssertFailsAsync(KeyStoreFailure.Unavailable, under.Options with { CaFile = folder.File("ca.pem") });
        await AssertFailsAsync(KeyStoreFailure.Unavailable, under.Options with { CaFile = null });
        Assert.Throws<ArgumentException>(() => new VaultTransitKeyStore(under.Options with { Address = new Uri("http://127.0.0.1/") }));
    }

    private static async Task AssertFailsAsync(KeyStoreFailure failure, VaultTransitOptions options)
    {
        await using VaultTransitKeyStore store = new(options);
        Assert.Equal(failure, (await Assert.ThrowsAsync<KeyStoreException>(() => store.CheckAsync(TestContext.Current.CancellationToken))).Failure);
    }
}

using System.Security.Cryptography.X509Certificates;
using Cloister.KeyStores.Vault;

namespace Cloister.KeyStores.Tests.Stores;

/// <summary>The transit engine behind TLS.</summary>
internal sealed class VaultUnderTest : IStoreUnderTest
{
    private readonly TestFolder _folder = new();
    private readonly LocalWebServer _server;

    private VaultUnderTest(LocalWebServer server, string ca)
    {
        _server = server;
        File.WriteAllText(_folder.File("ca.pem"), ca);
        File.WriteAllText(_folder.File("token"), VaultServer.Token + "\n");
        Options = new VaultTransitOptions { Address = server.Address, TokenFile = _folder.File("token"), CaFile = _folder.File("ca.pem") };
    }

    public VaultTransitOptions Options { get; }

    public static async Task<VaultUnderTest> StartAsync()
    {
        X509Certificate2 certificate = LocalWebServer.NewCertificate();
        return new VaultUnderTest(await LocalWebServer.StartAsync(new VaultServer().AnswerAsync, certificate), certificate.ExportCertificatePem());
    }

    public Task<IKeyStore> OpenAsync() => Task.FromResult<IKeyStore>(new VaultTransitKeyStore(Options));

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }
}

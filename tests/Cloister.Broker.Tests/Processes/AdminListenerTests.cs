using System.Security.Cryptography.X509Certificates;
using System.Text.Json;

namespace Cloister.Broker.Tests.Processes;

/// <summary>The listener for administrators lets in who has a pinned key, and nobody else.</summary>
public sealed class AdminListenerTests
{
    [Fact]
    public async Task OnlyAPinnedKeyGetsIn()
    {
        using X509Certificate2 alice = BrokerProcess.NewCertificate("alice");
        using X509Certificate2 mallory = BrokerProcess.NewCertificate("alice");
        using BrokerFolder folder = new();
        await using BrokerProcess broker = await folder.StartAsync(
            $"admin: {{ listen: 127.0.0.1:0, administrators: [ {{ name: alice, key: \"{BrokerProcess.PinOf(alice)}\", roles: [auditor, operator] }} ], twoPersons: [destroy] }}");

        using JsonDocument whoami = JsonDocument.Parse(await GetAsync(broker, alice));
        Assert.Equal("alice", whoami.RootElement.GetProperty("name").GetString());
        Assert.Equal(broker.Authority, whoami.RootElement.GetProperty("authority").GetString());
        Assert.Equal(broker.Pin, whoami.RootElement.GetProperty("pin").GetString());
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(broker, mallory));
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(broker, null));

        // Nor are its routes on the listener for enclaves.
        using KbsClient client = new(broker.Url, broker.Pin);
        (await client.GetAsync("/admin/v1/whoami")).Refused(404, "InvalidRequestPath");
    }

    private static async Task<string> GetAsync(BrokerProcess broker, X509Certificate2? certificate)
    {
        using SocketsHttpHandler handler = new() { UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, chain, _) => chain!.ChainPolicy.ExtraStore.Any(sent => BrokerProcess.PinOf(sent) == broker.Pin);
        handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate!;
        using HttpClient http = new(handler) { BaseAddress = broker.AdminUrl, Timeout = BrokerProcess.Patience };
        return await http.GetStringAsync("/admin/v1/whoami", TestContext.Current.CancellationToken);
    }
}

using Cloister.Conformance.Harness;
using Cloister.Gateway.Tests.Support;

namespace Cloister.Gateway.Tests.Transport;

/// <summary>Real API-server code that connects while others keep opening connections.</summary>
public sealed class ApiServerLockOutTests
{
    private const int Bare = 400;

    // More than the gateway takes, and fewer than it takes by default: each is a whole handshake.
    private const int Authenticated = 40;
    private const int MaxConnections = 24;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("silent")]
    [InlineData("half a handshake")]
    [InlineData("a handshake")]
    [InlineData("a handshake and HTTP/2")]
    public async Task ItIsTakenAllTheSame(string flood)
    {
        await using KubernetesUnderTest kubernetes = await KubernetesUnderTest.StartAsync(change: options => options with { MaxConnections = MaxConnections });
        GatewayUnderTest gateway = kubernetes.Etcds.Gateway;
        using Flood others = flood switch
        {
            "silent" => Flood.Bare(gateway, Bare, []),
            "half a handshake" => Flood.Bare(gateway, Bare, Convert.FromHexString("16030102000100")),
            "a handshake" => Flood.Authenticated(gateway, Authenticated, []),
            _ => Flood.Authenticated(gateway, Authenticated, [.. RawPeer.Preface, 0, 0, 0, 4, 0, 0, 0, 0, 0]),
        };
        await Eventually.HoldsAsync("it is full", TimeSpan.FromSeconds(60), () => Task.FromResult(others.Opened > (flood.StartsWith("a ", StringComparison.Ordinal) ? Authenticated : Bare)), Stop);
        await kubernetes.WithGatewayAsync();
        await kubernetes.CreateAsync("db", "TOPSECRET");
        Assert.Equal("TOPSECRET", await kubernetes.Kubectl.ReadSecretAsync("db", Stop));
        Assert.True(await kubernetes.Kubectl.IsOkAsync("/livez", Stop));
        Assert.NotEqual(
            0,
            ((string[])["gave_way_unauthenticated", "handshake_timeout", "gave_way", "slow"]).Sum(end => gateway.Counter($"gateway_connections_{end}")));
        Assert.Contains(gateway.Log.Lines, line => line.Contains("gateway: closed a connection: ", StringComparison.Ordinal));
    }
}

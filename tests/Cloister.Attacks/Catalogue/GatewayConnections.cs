using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Gateway.Tests.Support;
using Grpc.Core;

namespace Cloister.Attacks.Catalogue;

/// <summary>Somebody holds connections to the gateway's port, more than it takes, so that no API server gets one.</summary>
internal abstract class ConnectionFlood(string name, Attacker attacker, string has, string how) : Attack(name, attacker, has, Promise.Protected, how)
{
    private const int Connections = 1000;

    // As many as a gateway takes of API servers.
    private const int Taken = 256;

    public override bool Alone => true;

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, "k8s CONNECTION-FLOOD"u8.ToArray(), ground.Stop);
        List<IDisposable> held = await HoldAsync(cluster, int.Parse(cluster.GatewayAddress.Split(':')[1], System.Globalization.CultureInfo.InvariantCulture), ground);
        Trial attempt = await ReadsAsync(cluster, key, ground);
        held.ForEach(one => one.Dispose());

        // A listener that counts, and lets nobody give way.
        using TcpListener naive = new(IPAddress.Loopback, 0);
        naive.Start();
        List<Socket> taken = [];
        _ = Task.Run(() => TakeAsync(naive, taken), ground.Stop);
        List<Socket> plain = [];
        for (int i = 0; i < Taken; i++)
        {
            plain.Add(Connect(((IPEndPoint)naive.LocalEndpoint).Port));
        }

        Socket late = Connect(((IPEndPoint)naive.LocalEndpoint).Port);
        bool closed = late.Receive(new byte[1]) == 0;
        foreach (Socket socket in (Socket[])[.. plain, late])
        {
            socket.Dispose();
        }

        return new Outcome(
            attempt,
            closed ? Trial.Success("a listener that counts connections and lets none give way is full") : Trial.Refused("it took one more"));
    }

    /// <summary>One connection, as far as the attacker gets and likes to.</summary>
    protected abstract IDisposable Open(Cluster cluster, int port);

    protected static Socket Connect(int port)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 20_000 };
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    private async Task<List<IDisposable>> HoldAsync(Cluster cluster, int port, Ground ground)
    {
        List<IDisposable> held = [];
        for (int i = 0; i < Connections; i++)
        {
            ground.Stop.ThrowIfCancellationRequested();
            try
            {
                held.Add(Open(cluster, port));
            }
            catch (Exception e) when (e is SocketException or IOException or System.Security.Authentication.AuthenticationException)
            {
                // It gave way already.
                await Task.Yield();
            }
        }

        return held;
    }

    private static async Task<Trial> ReadsAsync(Cluster cluster, string key, Ground ground)
    {
        try
        {
            // A connection of its own, as an API server that was just started.
            using RawEtcd fresh = new(cluster.Channel());
            return await Cluster.ReadAsync(fresh, key, ground.Stop) is null
                ? Trial.Success("nothing is read")
                : Trial.Refused($"an API server connects and reads after {Connections} connections");
        }
        catch (RpcException e)
        {
            return Trial.Success($"an API server gets {e.StatusCode}");
        }
    }

    private static async Task TakeAsync(TcpListener listener, List<Socket> taken)
    {
        try
        {
            while (true)
            {
                Socket socket = await listener.AcceptSocketAsync();
                if (taken.Count < Taken)
                {
                    taken.Add(socket);
                }
                else
                {
                    socket.Dispose();
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            taken.ForEach(socket => socket.Dispose());
        }
    }
}

internal sealed class SilentConnections() : ConnectionFlood(
    "gateway-silent-connections", Attacker.Neighbour, "a process on the node", "who has said nothing gives way to who comes, the oldest first")
{
    protected override IDisposable Open(Cluster cluster, int port) => Connect(port);
}

internal sealed class HalfHandshakes() : ConnectionFlood(
    "gateway-half-handshakes", Attacker.Neighbour, "a process on the node", "handshakes are few and short; the oldest gives way")
{
    protected override IDisposable Open(Cluster cluster, int port)
    {
        Socket socket = Connect(port);
        socket.Send(Convert.FromHexString("16030102000100"));
        return socket;
    }
}

internal sealed class HandshakesWithoutHttp2() : ConnectionFlood(
    "gateway-handshakes-without-http2", Attacker.Client, "a certificate of clientCa", "authenticated connections without calls give way to new ones")
{
    protected override IDisposable Open(Cluster cluster, int port) => GatewayPeer.Authenticate(cluster, Connect(port));
}

internal sealed class SlowHeaders() : ConnectionFlood(
    "gateway-slow-headers", Attacker.Client, "a certificate of clientCa", "what is begun has 20 s to go on, and is no call that keeps a connection")
{
    // A block of headers that does not end.
    protected override IDisposable Open(Cluster cluster, int port)
    {
        SslStream stream = GatewayPeer.Authenticate(cluster, Connect(port));
        stream.Write([.. GatewayPeer.Beginning, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0x83]);
        return stream;
    }
}

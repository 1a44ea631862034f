using System.Net;
using System.Net.Sockets;
using Cloister.Cli.Relay;
using Cloister.Cli.Tests.Harness;
using Cloister.Sockets;

namespace Cloister.Cli.Tests.Relay;

/// <summary>The relay behind a vsock listener, which accepts on a unix socket here: few kernels lead vsock back to the machine.</summary>
public sealed class VsockRelayTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Connections_are_carried_to_a_name_and_the_relay_stops_when_told()
    {
        using ScratchFolder folder = new();
        using Socket target = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        target.Listen(16);
        using Socket under = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        under.Bind(new UnixDomainSocketEndPoint(folder["v.sock"]));
        under.Listen(16);
        ListenAddress address = ListenAddress.Parse("vsock:5000", out _)!;
        using CancellationTokenSource stop = new();
        using ByteRelay relay = ByteRelay.Listen(
            new VsockListener(under.SafeHandle), address, new DnsEndPoint("localhost", ((IPEndPoint)target.LocalEndPoint!).Port), maxConnections: 100);
        Assert.Equal("vsock:5000", relay.Address);
        Task running = relay.RunAsync(stop.Token);

        for (int i = 0; i < 10; i++)
        {
            using Socket client = await RelayedPair.ConnectAsync($"unix:{folder["v.sock"]}");
            using Socket server = await target.AcceptAsync(Cancellation);
            byte[] up = new byte[300_000];
            byte[] down = new byte[200_000];
            Random.Shared.NextBytes(up);
            Random.Shared.NextBytes(down);
            Task sending = Task.WhenAll(client.SendAllAsync(up, new Random(i), 70_000), server.SendAllAsync(down, new Random(i), 70_000));
            Assert.Equal(up, await server.ReceiveExactlyAsync(up.Length));
            Assert.Equal(down, await client.ReceiveExactlyAsync(down.Length));
            await sending;
            client.Shutdown(SocketShutdown.Send);
            Assert.True(await server.SeesCloseAsync());
        }

        await stop.CancelAsync();
        await running;
    }
}

using System.Net;
using System.Net.Sockets;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Relay;

[Collection(nameof(Alone))]
public sealed class RelayLoadTests : IDisposable
{
    private const int Mebi = 1024 * 1024;

    private readonly ScratchFolder _folder = new();

    private string Listen => $"unix:{_folder["relay.sock"]}";

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Three_thousand_connections_at_the_same_time()
    {
        const int Count = 3000;
        await using EchoServer echo = new();
        await using RelayProcess relay = await RelayProcess.StartAsync(Listen, echo.Address);
        Socket[] clients = new Socket[Count];
        for (int i = 0; i < Count; i++)
        {
            clients[i] = await RelayedPair.ConnectAsync(Listen);
        }

        await Eventually.TrueAsync(() => echo.Open == Count, "all are connected");
        for (int round = 0; round < 2; round++)
        {
            await Task.WhenAll(clients.Select((client, i) => client.SendAllAsync(BitConverter.GetBytes(i + round), new Random(i), 4)));
            byte[][] answers = await Task.WhenAll(clients.Select(client => client.ReceiveExactlyAsync(4)));
            Assert.All(answers, (answer, i) => Assert.Equal(i + round, BitConverter.ToInt32(answer)));
        }

        Array.ForEach(clients, client => client.Dispose());
        await Eventually.TrueAsync(() => echo.Open == 0, "all are closed");
    }

    [Fact]
    public async Task A_slow_reader_holds_the_writer_back_and_memory_stays()
    {
        using Socket target = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        target.Listen(1);
        await using RelayProcess relay = await RelayProcess.StartAsync(Listen, target.LocalEndPoint!.ToString()!);
        using Socket client = await RelayedPair.ConnectAsync(Listen);
        using Socket server = await target.AcceptAsync(TestContext.Current.CancellationToken);
        long before = relay.Resident;
        byte[] piece = new byte[Mebi];

        // Nobody reads: the writer is stopped by buffers of the kernel, which are far smaller than what it has to send.
        client.SendTimeout = 1000;
        long sent = 0;
        SocketError stopped = SocketError.Success;
        while (sent < 256L * Mebi && stopped == SocketError.Success)
        {
            sent += client.Send(piece, 0, piece.Length, SocketFlags.None, out stopped);
        }

        Assert.InRange(sent, 1, 64L * Mebi);
        Assert.InRange(relay.Resident - before, long.MinValue, 32L * Mebi);
    }

    [Fact]
    public async Task Resets_and_closes_leak_no_descriptor()
    {
        using Socket target = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        target.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        target.Listen(16);
        await using RelayProcess relay = await RelayProcess.StartAsync("tcp:127.0.0.1:0", target.LocalEndPoint!.ToString()!);
        async Task RoundAsync(int i)
        {
            using Socket client = await RelayedPair.ConnectAsync(relay.Address);
            using Socket server = await target.AcceptAsync();
            await client.SendAllAsync(new byte[100], new Random(i), 100);
            await server.ReceiveExactlyAsync(100);
            (Socket first, Socket second) = i % 2 == 0 ? (client, server) : (server, client);
            if (i % 4 < 2)
            {
                first.Reset();
            }
            else
            {
                first.Dispose();
            }

            Assert.True(await second.SeesCloseAsync());
        }

        for (int i = 0; i < 8; i++)
        {
            await RoundAsync(i);
        }

        int before = relay.Sockets;
        for (int i = 0; i < 200; i++)
        {
            await RoundAsync(i);
        }

        await Eventually.TrueAsync(() => relay.Sockets <= before, $"sockets are back at {before}");
    }

    // More connections than it has descriptors for: some wait or are closed; when there is room again it works as before.
    [Fact]
    public async Task It_survives_the_end_of_its_descriptors()
    {
        await using EchoServer echo = new();
        await using RelayProcess relay = await RelayProcess.StartAfterAsync("ulimit -n 150", Listen, echo.Address);
        int before = relay.Sockets;
        Socket[] clients = new Socket[120];
        for (int i = 0; i < clients.Length; i++)
        {
            clients[i] = await RelayedPair.ConnectAsync(Listen);
        }

        await Eventually.TrueAsync(() => relay.Descriptors > 140, "descriptors are used up");
        Array.ForEach(clients, client => client.Dispose());
        await Eventually.TrueAsync(() => relay.Sockets <= before, $"sockets are back at {before}");

        // Dead clients may still wait to be accepted, and take the room once more: a connection among them is closed.
        await Eventually.TrueAsync(EchoesAsync, "a new connection is served");
    }

    private async Task<bool> EchoesAsync()
    {
        using Socket client = await RelayedPair.ConnectAsync(Listen);
        try
        {
            await client.SendAllAsync([1, 2, 3], new Random(1), 3);
            byte[] answer = new byte[3];
            int received = await client.ReceiveAsync(answer, SocketFlags.None);
            return received == 3 && answer.AsSpan().SequenceEqual((ReadOnlySpan<byte>)[1, 2, 3]);
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return false;
        }
    }
}

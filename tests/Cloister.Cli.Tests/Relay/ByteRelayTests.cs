using System.Net.Sockets;

namespace Cloister.Cli.Tests.Relay;

public sealed class ByteRelayTests
{
    public static TheoryData<bool, int, int> Sizes => new MatrixTheoryData<bool, int, int>([true, false], [1, 70_000, 5 * 1024 * 1024], [17_000, 1024 * 1024]);

    [Theory]
    [MemberData(nameof(Sizes))]
    public async Task Bytes_are_the_same_in_both_directions_at_once(bool unixToTcp, int length, int largest)
    {
        await using RelayedPair pair = new(unixToTcp);
        (Socket client, Socket server) = await pair.ConnectAsync();
        using Socket clientOwner = client;
        using Socket serverOwner = server;
        Random random = new(length + largest);
        byte[] up = new byte[length];
        byte[] down = new byte[length + 1];
        random.NextBytes(up);
        random.NextBytes(down);

        Task sendUp = client.SendAllAsync(up, new Random(1), largest);
        Task sendDown = server.SendAllAsync(down, new Random(2), largest);
        byte[][] received = await Task.WhenAll(server.ReceiveExactlyAsync(up.Length), client.ReceiveExactlyAsync(down.Length));
        await Task.WhenAll(sendUp, sendDown);

        Assert.Equal(up, received[0]);
        Assert.Equal(down, received[1]);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task One_direction_ends_and_the_other_goes_on(bool unixToTcp, bool clientEndsFirst)
    {
        await using RelayedPair pair = new(unixToTcp);
        (Socket client, Socket server) = await pair.ConnectAsync();
        using Socket clientOwner = client;
        using Socket serverOwner = server;
        (Socket first, Socket second) = clientEndsFirst ? (client, server) : (server, client);
        byte[] question = new byte[100_000];
        byte[] answer = new byte[3 * 1024 * 1024];
        Random.Shared.NextBytes(question);
        Random.Shared.NextBytes(answer);

        Task asked = first.SendAllAsync(question, new Random(3), 9_000);
        Task<byte[]> heard = second.ReceiveToEndAsync();
        await asked;
        first.Shutdown(SocketShutdown.Send);
        Assert.Equal(question, await heard);

        // Only now does the other side speak.
        Task answered = second.SendAllAsync(answer, new Random(4), 200_000);
        Task<byte[]> got = first.ReceiveToEndAsync();
        await answered;
        second.Shutdown(SocketShutdown.Send);
        Assert.Equal(answer, await got);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task When_one_side_is_gone_the_other_sees_it(bool unixToTcp, bool clientGoes)
    {
        await using RelayedPair pair = new(unixToTcp);
        (Socket client, Socket server) = await pair.ConnectAsync();
        using Socket clientOwner = client;
        using Socket serverOwner = server;
        (Socket goes, Socket stays) = clientGoes ? (client, server) : (server, client);
        await goes.SendAllAsync([1], new Random(5), 1);
        await stays.ReceiveExactlyAsync(1);

        goes.Reset();

        Assert.True(await stays.SeesCloseAsync());
    }

    // More data than any buffer holds is on its way all the time; the others still get their turn.
    [Fact]
    public async Task Streams_that_never_pause_do_not_keep_others_waiting()
    {
        await using RelayedPair pair = new(unixToTcp: true);
        using CancellationTokenSource enough = new();
        List<Task> streams = [];
        for (int i = 0; i < 4; i++)
        {
            (Socket from, Socket to) = await pair.ConnectAsync();
            streams.Add(Task.Factory.StartNew(() => Pour(from, enough.Token), TaskCreationOptions.LongRunning));
            streams.Add(Task.Factory.StartNew(() => Drain(to), TaskCreationOptions.LongRunning));
        }

        (Socket client, Socket server) = await pair.ConnectAsync();
        using (client)
        using (server)
        {
            for (byte i = 0; i < 100; i++)
            {
                await client.SendAllAsync([i], new Random(6), 1);
                await server.SendAllAsync(await server.ReceiveExactlyAsync(1), new Random(6), 1);
                Assert.Equal(i, Assert.Single(await client.ReceiveExactlyAsync(1)));
            }
        }

        await enough.CancelAsync();
        await Task.WhenAll(streams);
    }

    private static void Pour(Socket socket, CancellationToken enough)
    {
        byte[] bytes = new byte[1024 * 1024];
        while (!enough.IsCancellationRequested)
        {
            socket.Send(bytes);
        }

        socket.Dispose();
    }

    private static void Drain(Socket socket)
    {
        byte[] bytes = new byte[1024 * 1024];
        while (socket.Receive(bytes) > 0)
        {
        }

        socket.Dispose();
    }
}

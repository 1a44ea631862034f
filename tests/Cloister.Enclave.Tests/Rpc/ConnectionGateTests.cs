using System.Net.Sockets;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;
using Cloister.Sockets;
using Google.Protobuf;
using Grpc.Core;

namespace Cloister.Enclave.Tests.Rpc;

public sealed class ConnectionGateTests : IDisposable
{
    private readonly SecretArena _arena = new(16);

    public void Dispose() => _arena.Dispose();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_peer_whose_uid_is_not_allowed_is_closed_and_logged()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(
            custody, options => options with { Permissions = new SocketPermissions { AllowedUids = [12_345] } });
        RpcException refused = await Assert.ThrowsAsync<RpcException>(
            () => server.V2().StatusAsync(new StatusRequest(), cancellationToken: Stop).ResponseAsync);
        Assert.Equal(StatusCode.Unavailable, refused.StatusCode);
        Assert.Contains(server.Log.Lines, line => line.Contains($"pid {Environment.ProcessId} to kms: the uid is not in allowedUids", StringComparison.Ordinal));
        using Socket raw = await server.ConnectAsync(Stop);
        Assert.True(await IsClosedAsync(raw));
    }

    [Fact]
    public async Task A_connection_that_says_something_else_than_HTTP2_is_closed()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        using Socket raw = await server.ConnectAsync(Stop);
        await raw.SendAsync(TestKeys.Random(1000), Stop);
        Assert.True(await IsClosedAsync(raw));
        await server.V2().StatusAsync(new StatusRequest(), cancellationToken: Stop);
    }

    // More connections than the server takes, all silent. The silent ones give way.
    [Fact]
    public async Task Half_open_connections_do_not_lock_a_good_client_out()
    {
        const int HalfOpen = 2000;
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody);
        await server.V2().StatusAsync(new StatusRequest(), cancellationToken: Stop);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        List<Socket> sockets = [];
        try
        {
            for (int i = 0; i < HalfOpen; i++)
            {
                sockets.Add(await ConnectPatientlyAsync(server));
                if (i % 2 == 0)
                {
                    await sockets[^1].SendAsync("PRI * HTTP"u8.ToArray(), Stop);
                }
            }

            // A full backlog of a unix socket answers EAGAIN, and a client comes again.
            long opened = Environment.TickCount64;
            while (!await AnswersAsync(server))
            {
                await Task.Delay(50, Stop);
            }

            Assert.True(server.Counters.ConnectionsGaveWay > HalfOpen / 2);
            Assert.Contains(server.Log.Lines, line => line.Contains("kms has as many connections as it takes", StringComparison.Ordinal));
            Assert.All(await Task.WhenAll(sockets.Select(IsClosedAsync)), Assert.True);

            // The heap is that of all tests at a time: what these connections held stays, what others hold goes.
            while (GC.GetTotalMemory(forceFullCollection: true) - before > 64 * 1024 * 1024)
            {
                Assert.True(Environment.TickCount64 - opened < 60_000, "the memory of closed connections stays");
                await Task.Delay(500, Stop);
            }
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task The_connection_that_was_idle_longest_gives_way_and_one_with_a_call_does_not()
    {
        await using GatedCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody, options => options with { MaxConnections = 2 });
        Task<EncryptResponse> busy = server.V2().EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(new byte[32]) }, cancellationToken: Stop).ResponseAsync;
        await Eventually.TrueAsync(() => custody.Entered == 1, "the call is under way");
        using Grpc.Net.Client.GrpcChannel idle = server.Channel();
        await new KeyManagementService.KeyManagementServiceClient(idle).StatusAsync(new StatusRequest(), cancellationToken: Stop);

        KeyManagementService.KeyManagementServiceClient next = server.V2();
        await next.StatusAsync(new StatusRequest(), cancellationToken: Stop);
        Assert.Equal((1, 0), (server.Counters.ConnectionsGaveWay, server.Counters.ConnectionsRefused));
        custody.Open();
        Assert.Equal(custody.Status.KeyId, (await busy).KeyId);
    }

    [Fact]
    public async Task When_all_are_busy_another_one_is_refused_and_counted()
    {
        await using GatedCustody custody = new();
        await using RunningServer server = await RunningServer.StartAsync(custody, options => options with { MaxConnections = 1 });
        Task<EncryptResponse> busy = server.V2().EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(new byte[32]) }, cancellationToken: Stop).ResponseAsync;
        await Eventually.TrueAsync(() => custody.Entered == 1, "the call is under way");
        await Assert.ThrowsAsync<RpcException>(() => server.V2().StatusAsync(new StatusRequest(), cancellationToken: Stop).ResponseAsync);
        Assert.True(server.Counters.ConnectionsRefused > 0);
        custody.Open();
        Assert.Equal(custody.Status.KeyId, (await busy).KeyId);
    }

    // A unix socket whose queue is full says so instead of waiting.
    private static async Task<Socket> ConnectPatientlyAsync(RunningServer server)
    {
        while (true)
        {
            try
            {
                return await server.ConnectAsync(Stop);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                await Task.Delay(5, Stop);
            }
        }
    }

    // Reads to the end; the server may say goodbye before it closes.
    private static async Task<bool> AnswersAsync(RunningServer server)
    {
        try
        {
            await server.V2().StatusAsync(new StatusRequest(), cancellationToken: Stop);
            return true;
        }
        catch (RpcException e) when (e.StatusCode == Grpc.Core.StatusCode.Unavailable && e.Status.DebugException?.InnerException is SocketException { SocketErrorCode: SocketError.WouldBlock or SocketError.TryAgain })
        {
            return false;
        }
    }

    private static async Task<bool> IsClosedAsync(Socket socket)
    {
        byte[] buffer = new byte[1024];
        try
        {
            while (await socket.ReceiveAsync(buffer, Stop) > 0)
            {
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
        }

        return true;
    }
}

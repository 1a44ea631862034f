using System.Net.Sockets;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Tests.Support;
using Cloister.Sockets;
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

    // More connections than the server takes, all silent. A good client gets in once the silent ones are closed.
    [Fact]
    public async Task Half_open_connections_do_not_lock_a_good_client_out_for_long()
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

            long opened = Environment.TickCount64;
            KeyManagementService.KeyManagementServiceClient client = server.V2();
            while (await Record.ExceptionAsync(() => client.StatusAsync(new StatusRequest(), cancellationToken: Stop).ResponseAsync) is RpcException)
            {
                Assert.True(Environment.TickCount64 - opened < 30_000, "no good client was let in");
                await Task.Delay(100, Stop);
            }

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
    public async Task More_connections_than_allowed_are_closed_at_once_and_places_become_free_again()
    {
        await using ManualCustody custody = TestKeys.Custody(_arena);
        await using RunningServer server = await RunningServer.StartAsync(custody, options => options with { MaxConnections = 2 });
        using Grpc.Net.Client.GrpcChannel first = server.Channel();
        using Grpc.Net.Client.GrpcChannel second = server.Channel();
        await new KeyManagementService.KeyManagementServiceClient(first).StatusAsync(new StatusRequest(), cancellationToken: Stop);
        await new KeyManagementService.KeyManagementServiceClient(second).StatusAsync(new StatusRequest(), cancellationToken: Stop);
        using Socket third = await server.ConnectAsync(Stop);
        Assert.True(await IsClosedAsync(third));
        await new KeyManagementService.KeyManagementServiceClient(first).StatusAsync(new StatusRequest(), cancellationToken: Stop);

        second.Dispose();
        KeyManagementService.KeyManagementServiceClient next = server.V2();
        while (await Record.ExceptionAsync(() => next.StatusAsync(new StatusRequest(), cancellationToken: Stop).ResponseAsync) is RpcException)
        {
            await Task.Delay(20, Stop);
        }
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

using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Cloister.Contracts.Etcd;
using Cloister.Gramine.Tests.Ground;
using Grpc.Core;

namespace Cloister.Gramine.Tests.Cases;

/// <summary>Tests that no other runs beside.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>
/// The gateway under load with the heap, the descriptors, the threads and the memory of the manifest: KMS goes on answering, calls fail one by one with
/// RESOURCE_EXHAUSTED if they fail, everything works afterwards, and SIGTERM in the middle ends it in order.
/// </summary>
[Collection(nameof(Alone))]
public sealed class LoadTests
{
    // What is promised is one second; a machine that runs a dozen other processes at the same time takes longer to say so.
    private static readonly TimeSpan ThreadsGone = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private const int Connections = 250;

    // What the gateway's section has besides the example: nothing, so that most connections find no room, or room for all.
    private const string AsShipped = "";
    private const string RoomForAll = "  maxConnections: 256\n";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_lists_of_10_000_at_once()
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true });
        using GatewayClient gateway = node.Gateway();
        byte[][] values = await FillAsync(gateway, 10_000, 1024);
        await UnderKmsCallsAsync(node, async () =>
        {
            for (int round = 0; round < 3; round++)
            {
                await Task.WhenAll(ListsAsync(gateway, values), ListsAsync(gateway, values));
            }
        });
        Assert.True(await ListsAsync(gateway, values), "one list alone has to succeed");
        await WorksAsync(node, gateway);
    }

    [Fact]
    public async Task A_hundred_values_of_200_KB()
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true });
        using GatewayClient gateway = node.Gateway();
        byte[][] values = [.. Enumerable.Range(0, 100).Select(_ => RandomNumberGenerator.GetBytes(200_000))];
        await UnderKmsCallsAsync(node, async () =>
        {
            await Task.WhenAll(values.Select((value, i) => ExhaustedOrDoneAsync(() => gateway.PutAsync(Name(i), value))));
            await Task.WhenAll(Enumerable.Range(0, values.Length).Select(i => ExhaustedOrDoneAsync(() => gateway.GetAsync(Name(i)))));
            await Task.WhenAll(ExhaustedOrDoneAsync(() => gateway.ListAsync("v")), ExhaustedOrDoneAsync(() => gateway.ListAsync("v")));
        });
        for (int i = 0; i < values.Length; i++)
        {
            await gateway.PutAsync(Name(i), values[i]);
            Assert.Equal(values[i], await gateway.GetAsync(Name(i)));
        }

        await WorksAsync(node, gateway);
    }

    [Theory]
    [InlineData(AsShipped)]
    [InlineData(RoomForAll)]
    public async Task Connections_250_of_them_opened_and_closed(string fields)
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true, GatewayFields = fields });
        using GatewayClient gateway = node.Gateway();
        await WorksAsync(node, gateway);
        int before = Threads(node);
        int peak = 0;
        await UnderKmsCallsAsync(node, async () =>
        {
            List<SslStream> open = await ConnectAsync(node);
            Assert.InRange(open.Count, fields == RoomForAll ? Connections : 1, Connections);
            peak = Threads(node);
            open.ForEach(connection => connection.Dispose());
        }, () => peak = Math.Max(peak, Threads(node)));

        Assert.InRange(peak, 1, node.World.Manifest.MaxThreads);
        await Conformance.Harness.Eventually.HoldsAsync(
            "the threads of ended connections leave", ThreadsGone, () => Task.FromResult(Threads(node) <= before + 4), Stop, () => $"{before} before, {Threads(node)} now");
        await WorksAsync(node, gateway);
    }

    [Fact]
    public async Task SIGTERM_under_two_lists()
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true });
        using GatewayClient gateway = node.Gateway();
        await FillAsync(gateway, 10_000, 1024);
        await StopsUnderAsync(node, () => gateway.ListAsync("v"), 2);
    }

    [Fact]
    public async Task SIGTERM_under_large_values()
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true });
        using GatewayClient gateway = node.Gateway();
        byte[] value = RandomNumberGenerator.GetBytes(200_000);
        int names = 0;
        await StopsUnderAsync(node, () => gateway.PutAsync(Name(Interlocked.Increment(ref names) % 100), value), 50);
    }

    [Theory]
    [InlineData(AsShipped)]
    [InlineData(RoomForAll)]
    public async Task SIGTERM_with_250_connections_just_closed(string fields)
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true, GatewayFields = fields });
        (await ConnectAsync(node)).ForEach(connection => connection.Dispose());
        await StopsAsync(node);
    }

    [Theory]
    [InlineData(AsShipped)]
    [InlineData(RoomForAll)]
    public async Task SIGTERM_with_250_connections_open(string fields)
    {
        await using SgxNode node = await SgxNode.StartAsync(new NodeOptions { Gateway = true, GatewayFields = fields });
        List<SslStream> open = await ConnectAsync(node);
        await StopsAsync(node);
        open.ForEach(connection => connection.Dispose());
    }

    private static string Name(int number) => $"v{number:D5}";

    private static int Threads(SgxNode node) => Directory.GetDirectories($"/proc/{node.Enclave.Id}/task").Length;

    // KMS calls have to succeed, every one, while that runs; then the process is still there, within its memory.
    private static async Task UnderKmsCallsAsync(SgxNode node, Func<Task> load, Action? sample = null)
    {
        using KmsClient kms = new(node.KmsSocket);
        using CancellationTokenSource over = new();
        Task<int>[] callers = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() => kms.KeepCallingAsync(over.Token), Stop))];
        Task samples = Task.Run(async () =>
        {
            while (!over.IsCancellationRequested && !node.Enclave.HasExited)
            {
                sample?.Invoke();
                await Task.Delay(20, CancellationToken.None);
            }
        }, Stop);
        try
        {
            await load();
        }
        finally
        {
            await over.CancelAsync();
            await samples;
            Assert.False(node.Enclave.HasExited, $"the enclave ended with {(node.Enclave.HasExited ? node.Enclave.ExitCode : 0)}\n{node.Log}");
        }

        Assert.All(await Task.WhenAll(callers), calls => Assert.NotEqual(0, calls));
        long peak = MemoryPeak(node);
        Assert.True(peak <= node.World.Manifest.EnclaveSize, $"{peak >> 20} MiB of address space, and sgx.enclave_size is {node.World.Manifest.EnclaveSize >> 20} MiB");
    }

    // Address space: what an enclave has to commit, since .NET's reservations are mapped too.
    private static long MemoryPeak(SgxNode node)
    {
        string line = File.ReadLines($"/proc/{node.Enclave.Id}/status").First(line => line.StartsWith("VmPeak:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], System.Globalization.CultureInfo.InvariantCulture) * 1024;
    }

    private static async Task WorksAsync(SgxNode node, GatewayClient gateway)
    {
        using KmsClient kms = new(node.KmsSocket);
        await kms.RoundTripAsync();
        byte[] value = RandomNumberGenerator.GetBytes(1024);
        await gateway.PutAsync("after", value);
        Assert.Equal(value, await gateway.GetAsync("after"));
    }

    private static async Task<byte[][]> FillAsync(GatewayClient gateway, int count, int size)
    {
        byte[][] values = [.. Enumerable.Range(0, count).Select(_ => RandomNumberGenerator.GetBytes(size))];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16, CancellationToken = Stop }, async (i, _) => await gateway.PutAsync(Name(i), values[i]));
        return values;
    }

    // Whole and right, or refused.
    private static async Task<bool> ListsAsync(GatewayClient gateway, byte[][] values)
    {
        IReadOnlyList<KeyValue> found = [];
        if (!await ExhaustedOrDoneAsync(async () => found = await gateway.ListAsync("v")))
        {
            return false;
        }

        Assert.Equal(values.Length, found.Count);
        for (int i = 0; i < values.Length; i++)
        {
            Assert.True(found[i].Value.Span.SequenceEqual(values[i]), $"{Name(i)} is another's");
        }

        return true;
    }

    private static async Task<bool> ExhaustedOrDoneAsync(Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
        {
            return false;
        }
    }

    // Those that are let in; for the others there may be no room.
    private static async Task<List<SslStream>> ConnectAsync(SgxNode node)
    {
        SslClientAuthenticationOptions tls = node.ClientTls();
        List<SslStream> open = [];
        await Parallel.ForAsync(0, Connections, new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Stop }, async (_, _) =>
        {
            Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
            SslStream? stream = null;
            try
            {
                await socket.ConnectAsync("127.0.0.1", new Uri(node.GatewayUrl).Port, Stop);
                stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
                await stream.AuthenticateAsClientAsync(tls, Stop);
                await stream.WriteAsync("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0"u8.ToArray(), Stop); // and empty SETTINGS
                await stream.ReadExactlyAsync(new byte[9], Stop);
                lock (open)
                {
                    open.Add(stream);
                }
            }
            catch (Exception e) when (e is IOException or SocketException or AuthenticationException)
            {
                stream?.Dispose();
                socket.Dispose();
            }
        });
        return open;
    }

    private static async Task StopsUnderAsync(SgxNode node, Func<Task> call, int callers)
    {
        using CancellationTokenSource over = new();
        int done = 0;
        Task[] load = [.. Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                try
                {
                    await call();
                    Interlocked.Increment(ref done);
                }
                catch (RpcException)
                {
                    await Task.Delay(10, CancellationToken.None);
                }
            }
        }, Stop))];
        try
        {
            await node.HoldsAsync("calls succeed", () => Task.FromResult(Volatile.Read(ref done) >= callers));
            await StopsAsync(node);
        }
        finally
        {
            await over.CancelAsync();
            await Task.WhenAll(load);
        }
    }

    private static async Task StopsAsync(SgxNode node)
    {
        (TimeSpan took, int exitCode) = await node.StopEnclaveAsync();
        Assert.True(exitCode == 0, $"exit code {exitCode}\n{node.Log}");
        Assert.Contains("stopped; keys wiped", node.Log, StringComparison.Ordinal);
        Assert.True(took <= StopLimit, $"it took {took.TotalSeconds:F1} s\n{node.Log}");
    }
}

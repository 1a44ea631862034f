using System.Net;
using System.Net.Sockets;
using Cloister.Contracts.EnclaveAdmin;
using Cloister.Contracts.KmsV2;
using Cloister.Enclave.Tests.Support;
using Grpc.Net.Client;

namespace Cloister.Enclave.Tests.Processes;

/// <summary>An enclave with the heap that its manifest gives it, and somebody who may connect and wants nobody else to be served.</summary>
public sealed class LockOutTests : IDisposable
{
    private static readonly byte[] Begin = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TestFolder _folder = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Idle_connections_give_way()
    {
        using EnclaveProcess process = await StartAsync();
        List<Socket> idle = [];
        try
        {
            for (int i = 0; i < 1100; i++)
            {
                idle.Add(await ConnectAsync());
                await idle[^1].SendAsync(Begin, Stop);
            }

            await MustServeAsync(process);
            Assert.True(await CounterAsync("connections_gave_way") > 500);
            Assert.Contains("kms has as many connections as it takes", process.Error, StringComparison.Ordinal);
        }
        finally
        {
            idle.ForEach(socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task Half_sent_requests_give_way()
    {
        using EnclaveProcess process = await StartAsync();
        List<HttpClient> clients = [];
        List<HalfSent> requests = [];
        try
        {
            for (int i = 0; i < 120; i++)
            {
                clients.Add(new HttpClient(Handler(_folder.File("kms.sock"))) { Timeout = Timeout.InfiniteTimeSpan });
                requests.Add(new HalfSent(1_000_000));
                _ = clients[^1].SendAsync(Request(requests[^1]), Stop).ContinueWith(static sent => sent.Exception, TaskScheduler.Default);
            }

            // Each has sent all but its end, or was given up.
            await Eventually.TrueAsync(() => requests.TrueForAll(request => request.IsStalled) || process.HasExited, "requests are half sent");
            await MustServeAsync(process);
            Assert.True(await CounterAsync("requests_gave_way") > 0);
        }
        finally
        {
            requests.ForEach(request => request.End());
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public async Task Many_requests_without_a_body_give_way()
    {
        using EnclaveProcess process = await StartAsync();
        List<HttpClient> clients = [.. Enumerable.Range(0, 20).Select(_ => new HttpClient(Handler(_folder.File("kms.sock"))) { Timeout = Timeout.InfiniteTimeSpan })];
        List<HalfSent> requests = [];
        try
        {
            foreach (HttpClient client in clients)
            {
                for (int i = 0; i < 200; i++)
                {
                    requests.Add(new HalfSent(3));
                    _ = client.SendAsync(Request(requests[^1]), Stop).ContinueWith(static sent => sent.Exception, TaskScheduler.Default);
                }
            }

            await Eventually.TrueAsync(() => requests.Count(request => request.IsStalled) > 1000 || process.HasExited, "requests are half sent");
            await MustServeAsync(process);

            // There is room for as many as connections may have; each is given up after ten seconds.
            for (long end = Environment.TickCount64 + (long)Patience.TotalMilliseconds; await CounterAsync("requests_gave_way") == 0;)
            {
                Assert.True(Environment.TickCount64 < end, process.Error);
                await Task.Delay(500, Stop);
            }

            await MustServeAsync(process);
        }
        finally
        {
            requests.ForEach(request => request.End());
            clients.ForEach(client => client.Dispose());
        }
    }

    [Fact]
    public async Task Connections_that_end_with_calls_open_leave()
    {
        using EnclaveProcess process = await StartAsync();
        for (int round = 0; round < 10; round++)
        {
            List<HttpClient> clients = [.. Enumerable.Range(0, 100).Select(_ => new HttpClient(Handler(_folder.File("kms.sock"))) { Timeout = Timeout.InfiniteTimeSpan })];
            List<HalfSent> requests = [];
            foreach (HttpClient client in clients)
            {
                for (int i = 0; i < 16; i++)
                {
                    requests.Add(new HalfSent(3));
                    _ = client.SendAsync(Request(requests[^1]), Stop).ContinueWith(static sent => sent.Exception, TaskScheduler.Default);
                }
            }

            await Task.Delay(200, Stop);
            requests.ForEach(request => request.End());
            clients.ForEach(client => client.Dispose());
        }

        await MustServeAsync(process);
        process.Stop();
        Assert.Equal(0, await process.ExitAsync(TimeSpan.FromSeconds(10)));
    }

    private async Task MustServeAsync(EnclaveProcess process)
    {
        Assert.False(process.HasExited, process.Error);
        using GrpcChannel channel = SimulatedEnclaveTests.Channel(_folder.File("kms.sock"));
        KeyManagementService.KeyManagementServiceClient kms = new(channel);
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal("ok", (await AnsweredAsync(process, () => kms.StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow.AddSeconds(20), cancellationToken: Stop))).Healthz);
            await AnsweredAsync(process, () => kms.EncryptAsync(
                new EncryptRequest { Plaintext = Google.Protobuf.ByteString.CopyFrom(TestKeys.Random()) }, deadline: DateTime.UtcNow.AddSeconds(20), cancellationToken: Stop));
        }

        Assert.False(process.HasExited, process.Error);
    }

    // While the flood begins, a connection or a request of its own may still give way: an API server asks again, and so does this.
    private static async Task<T> AnsweredAsync<T>(EnclaveProcess process, Func<Grpc.Core.AsyncUnaryCall<T>> call)
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (Grpc.Core.RpcException e) when (e.StatusCode is Grpc.Core.StatusCode.Unavailable or Grpc.Core.StatusCode.ResourceExhausted && attempt < 20)
            {
                Assert.False(process.HasExited, process.Error);
                await Task.Delay(200, Stop);
            }
        }
    }

    private async Task<ulong> CounterAsync(string name)
    {
        using GrpcChannel channel = SimulatedEnclaveTests.Channel(_folder.File("admin.sock"));
        EnclaveState state = await new Contracts.EnclaveAdmin.Admin.AdminClient(channel).GetStateAsync(new GetStateRequest(), cancellationToken: Stop);
        return state.Counters.Single(counter => counter.Name == name).Value;
    }

    private async Task<EnclaveProcess> StartAsync()
    {
        string path = _folder.File("enclave.yaml");
        await File.WriteAllTextAsync(path, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: cluster-1
            provider: cloister
            kms: { listen: "unix:{{_folder.File("kms.sock")}}" }
            admin: { listen: "unix:{{_folder.File("admin.sock")}}" }
            custody: { mode: manual, manual: { operators: any } }
            """, Stop);
        EnclaveProcess process = EnclaveProcess.StartWith((await EnclaveFigures.OfAsync("cloister-enclave-sim", path)).Environment, "cloister-enclave-sim", "--config", path);
        await Eventually.TrueAsync(() => process.Error.Contains("kms listens on", StringComparison.Ordinal) || process.HasExited, "the socket answers");
        using GrpcChannel channel = SimulatedEnclaveTests.Channel(_folder.File("admin.sock"));
        await new Contracts.EnclaveAdmin.Admin.AdminClient(channel).CreateKekAsync(new CreateKekRequest { Name = "k" }, cancellationToken: Stop);
        return process;
    }

    private async Task<Socket> ConnectAsync()
    {
        long until = Environment.TickCount64 + (long)Patience.TotalMilliseconds;
        while (true)
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_folder.File("kms.sock")), Stop);
                return socket;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock && Environment.TickCount64 < until)
            {
                socket.Dispose();
                await Task.Delay(5, Stop);
            }
        }
    }

    private static SocketsHttpHandler Handler(string path) => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellation) =>
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        },
    };

    private static HttpRequestMessage Request(HttpContent content)
    {
        content.Headers.ContentType = new("application/grpc");
        return new HttpRequestMessage(HttpMethod.Post, "http://localhost/v2.KeyManagementService/Encrypt")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
    }

    /// <summary>A message of a million bytes, of which some never come.</summary>
    private sealed class HalfSent(int size) : HttpContent
    {
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _isStalled;

        internal bool IsStalled => _isStalled;

        internal void End() => _end.TrySetResult();

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            byte[] message = new byte[size];
            new byte[] { 0, 0, 0x0F, 0x42, 0x40 }.AsSpan(0, Math.Min(5, size)).CopyTo(message);
            try
            {
                await stream.WriteAsync(message);
                await stream.FlushAsync();
            }
            finally
            {
                _isStalled = true;
            }

            await _end.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}

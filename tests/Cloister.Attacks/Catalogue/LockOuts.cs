using System.Net;
using System.Net.Sockets;
using Cloister.Attacks.Framework;
using Cloister.Broker.Tests.Failures;
using Cloister.Broker.Tests.Processes;
using Cloister.Contracts.KmsV2;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Cloister.Attacks.Catalogue;

/// <summary>
/// A process that may connect to the KMS socket and wants nobody else to be served. What it does costs nothing, so it gives way. Controls: whole calls
/// that wait for a remote KMS, which stay until they are answered; a server that keeps what it accepted.
/// </summary>
internal abstract class LockOut(string name, string has, string how) : Attack(name, Attacker.Client, has, Promise.Protected, how)
{
    public override bool Alone => true;

    public override async Task<Outcome> RunAsync(Ground ground) => new(
        await TryAsync(ground, Fields, slow: false, FloodAsync), await ControlAsync(ground));

    /// <summary>More of section kms.</summary>
    protected abstract string Fields { get; }

    /// <summary>What gives way; disposed after the call.</summary>
    protected abstract Task<IReadOnlyList<IDisposable>> FloodAsync(string socket, CancellationToken stop);

    /// <summary>The same where nothing gives way.</summary>
    protected abstract Task<Trial> ControlAsync(Ground ground);

    protected static async Task<Socket> ConnectAsync(string path, CancellationToken stop)
    {
        while (true)
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), stop);
                return socket;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                // A queue that is full: the enclave accepts as fast as it can.
                socket.Dispose();
                await Task.Delay(5, stop);
            }
        }
    }

    protected static SocketsHttpHandler Handler(string path, SemaphoreSlim? connected = null) => new()
    {
        UseProxy = false,
        ConnectCallback = async (_, cancellation) =>
        {
            NetworkStream stream = new(await ConnectAsync(path, cancellation), ownsSocket: true);
            connected?.Release();
            return stream;
        },
    };

    /// <summary>Calls that are answered much later; returns when all connections are there.</summary>
    protected static async Task<IReadOnlyList<IDisposable>> EncryptAsync(string path, int connections, int calls, CancellationToken stop)
    {
        List<IDisposable> channels = [];
        using SemaphoreSlim connected = new(0);
        for (int i = 0; i < connections; i++)
        {
            GrpcChannel channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = Handler(path, connected), DisposeHttpClient = true });
            channels.Add(channel);
            KeyManagementService.KeyManagementServiceClient client = new(channel);
            for (int j = 0; j < calls; j++)
            {
                _ = Observe(client.EncryptAsync(new EncryptRequest { Plaintext = ByteString.CopyFrom(new byte[32]) }, cancellationToken: stop).ResponseAsync);
            }
        }

        for (int i = 0; i < connections; i++)
        {
            await connected.WaitAsync(stop);
        }

        return channels;
    }

    protected static async Task Observe(Task task)
    {
        try
        {
            await task;
        }
        catch (Exception e) when (e is RpcException or HttpRequestException or OperationCanceledException or ObjectDisposedException)
        {
            // The end of what was never to end.
        }
    }

    /// <summary>What an API server does.</summary>
    protected static async Task<Trial> AskAsync(string socket, CancellationToken stop)
    {
        try
        {
            using GrpcChannel channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = Handler(socket), DisposeHttpClient = true });
            await new KeyManagementService.KeyManagementServiceClient(channel).StatusAsync(new StatusRequest(), deadline: DateTime.UtcNow.AddSeconds(5), cancellationToken: stop);
            return Trial.Refused("an API server's Status is answered meanwhile");
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.Internal or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted)
        {
            return Trial.Success("an API server's Status is not answered");
        }
    }

    // A KMS that takes its time names its KEK late; before that every call ends at once.
    private static async Task HasKekAsync(string socket, CancellationToken stop)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress("http://localhost", new GrpcChannelOptions { HttpHandler = Handler(socket), DisposeHttpClient = true });
        KeyManagementService.KeyManagementServiceClient client = new(channel);
        while (true)
        {
            try
            {
                await client.StatusAsync(new StatusRequest(), cancellationToken: stop);
                return;
            }
            catch (RpcException e) when (e.StatusCode is StatusCode.Unavailable or StatusCode.FailedPrecondition)
            {
                await Task.Delay(250, stop);
            }
        }
    }

    protected static async Task<Trial> TryAsync(Ground ground, string fields, bool slow, Func<string, CancellationToken, Task<IReadOnlyList<IDisposable>>> flood)
    {
        using BrokerFolder brokers = new();
        using EnclaveFolder folder = new(brokers);
        string custody = slow ? "{ mode: passthrough, remote: { timeout: 1m } }" : "{ mode: remote }";
        string latency = slow ? ", latency: 25s" : "";
        await File.WriteAllTextAsync(folder.Configuration, $$"""
            apiVersion: cloister.dev/v1alpha1
            kind: EnclaveConfiguration
            cluster: c1
            provider: tee
            kms: { listen: "unix:{{folder.KmsSocket}}"{{fields}} }
            admin: { listen: "unix:{{Path.Combine(folder.Folder, "admin.sock")}}" }
            custody: {{custody}}
            simulation: { remoteKms: { keyFile: {{folder.Folder}}/kms.json{{latency}} } }
            """, ground.Stop);
        await using EnclaveProcess enclave = new(folder);
        await enclave.ReadyAsync();
        await HasKekAsync(folder.KmsSocket, ground.Stop);
        IReadOnlyList<IDisposable> held = await flood(folder.KmsSocket, ground.Stop);
        try
        {
            await Task.Delay(TimeSpan.FromSeconds(slow ? 3 : 1), ground.Stop);
            return await AskAsync(folder.KmsSocket, ground.Stop);
        }
        finally
        {
            foreach (IDisposable one in held)
            {
                one.Dispose();
            }
        }
    }
}

internal sealed class IdleConnections() : LockOut(
    "client-idle-connections", "1024 connections to the KMS socket that do nothing", "idle connections give way, those used longest ago first; connections with calls under way do not")
{
    private static readonly byte[] Begin = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, 0, 0, 0, 4, 0, 0, 0, 0, 0];

    protected override string Fields => ", maxConnections: 64";

    protected override async Task<IReadOnlyList<IDisposable>> FloodAsync(string socket, CancellationToken stop)
    {
        List<Socket> idle = [];
        for (int i = 0; i < 1024; i++)
        {
            idle.Add(await ConnectAsync(socket, stop));
            await idle[^1].SendAsync(Begin, stop);
        }

        return idle;
    }

    // A server that has as many places and keeps whoever took one.
    protected override async Task<Trial> ControlAsync(Ground ground)
    {
        CancellationToken stop = ground.Stop;
        string path = Path.Combine(Directory.CreateTempSubdirectory("cloister-attack-").FullName, "kms.sock");
        List<IDisposable> held = [];
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            listener.Bind(new UnixDomainSocketEndPoint(path));
            listener.Listen(4096);
            held.AddRange(await FloodAsync(path, stop));
            for (int i = 0; i < 64; i++)
            {
                held.Add(await listener.AcceptAsync(stop));
            }

            return await AskAsync(path, stop);
        }
        finally
        {
            held.ForEach(one => one.Dispose());
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }
}

internal sealed class HalfSentRequests() : LockOut(
    "client-half-sent-requests", "120 requests of a megabyte whose last byte never comes",
    "requests that are not whole share a budget of 16 MiB: the oldest gives way, and each has 10 s; whole ones stay")
{
    protected override string Fields => "";

    protected override async Task<IReadOnlyList<IDisposable>> FloodAsync(string socket, CancellationToken stop)
    {
        List<IDisposable> held = [];
        for (int i = 0; i < 120; i++)
        {
            HttpClient client = new(Handler(socket)) { Timeout = Timeout.InfiniteTimeSpan };
            HalfSent content = new();
            held.AddRange([content, client]);
            content.Headers.ContentType = new("application/grpc");
            HttpRequestMessage request = new(HttpMethod.Post, "http://localhost/v2.KeyManagementService/Encrypt")
            {
                Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content,
            };
            _ = Observe(client.SendAsync(request, stop));
        }

        await Task.Delay(TimeSpan.FromSeconds(2), stop);
        return held;
    }

    // Its KMS takes 25 s for each of the three calls after which Status is good.
    public override TimeSpan Limit => TimeSpan.FromMinutes(4);

    // 16 KiB each, 64 on a connection: as many whole calls as there is room for.
    protected override Task<Trial> ControlAsync(Ground ground) => TryAsync(ground, Fields, slow: true, (socket, stop) => EncryptAsync(socket, 20, 200, stop));

    private sealed class HalfSent : HttpContent
    {
        private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            byte[] message = new byte[1_000_000];
            new byte[] { 0, 0, 0x0F, 0x42, 0x40 }.CopyTo(message, 0);
            await stream.WriteAsync(message);
            await stream.FlushAsync();
            await _end.Task;
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            _end.TrySetResult();
            base.Dispose(disposing);
        }
    }
}

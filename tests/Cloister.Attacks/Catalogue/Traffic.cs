using System.Net;
using System.Net.Sockets;
using System.Text;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Broker.Tests.Failures;
using Cloister.Conformance.Harness;
using Cloister.Gateway.Tests.Support;
using Grpc.Net.Client;

namespace Cloister.Attacks.Catalogue;

/// <summary>All bytes between enclave and broker are recorded while a KEK is released.</summary>
internal sealed class RecordedRelease() : Attack(
    "recorded-traffic-to-the-broker", Attacker.Host, "all bytes between enclave and broker", Promise.Protected, "TLS 1.3 to a pinned key, and inside it a JWE to the attested key")
{
    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.SharedClusterAsync();
        byte[] kek = await cluster.KekAsync();
        await using RecordingRelay relay = new(cluster.Broker.Url.Port);
        EnclaveFolder folder = ground.Add(new EnclaveFolder(cluster.Enclaves));
        folder.Configure(cluster.Broker.Pin, [new Uri($"https://127.0.0.1:{relay.Port}")]);
        await using EnclaveProcess enclave = new(folder);
        await enclave.ReadyAsync();
        bool found = relay.Holds(kek) || relay.Holds("cloister"u8);

        // etcd without TLS, through another such relay.
        await using RecordingRelay control = new(new Uri(cluster.Etcd.Url).Port);
        using RawEtcd clear = new(GrpcChannel.ForAddress($"http://127.0.0.1:{control.Port}"));
        await Cluster.WriteAsync(clear, $"/{Name}/key", kek, ground.Stop);
        return new Outcome(
            found || relay.Length == 0 ? Trial.Success("the KEK or the statement is among them") : Trial.Refused($"{relay.Length} bytes, neither the KEK nor a word of the protocol"),
            control.Holds(kek) ? Trial.Success("what goes without TLS is found in the same recording") : Trial.Refused("not found"));
    }
}

/// <summary>All bytes between the gateway and etcd.</summary>
internal sealed class RecordedEtcd() : Attack(
    "recorded-traffic-to-etcd", Attacker.EtcdWriter, "all bytes between the gateway and an etcd without TLS", Promise.Protected, "values leave the enclave encrypted only")
{
    private const string Marker = "RECORDED-TRAFFIC-TO-ETCD";

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Cluster cluster = await ground.OwnClusterAsync();
        await using RecordingRelay relay = new(new Uri(cluster.Etcd.Url).Port);
        string configuration = await File.ReadAllTextAsync(cluster.Enclaves.Configuration, ground.Stop);
        await File.WriteAllTextAsync(cluster.Enclaves.Configuration, configuration.Replace(cluster.Etcd.Url, $"http://127.0.0.1:{relay.Port}", StringComparison.Ordinal), ground.Stop);
        await cluster.RestartEnclaveAsync();
        await cluster.UntilServingAsync(ground.Stop);
        string key = $"{Cluster.Secrets}{Name}/one";
        await Cluster.WriteAsync(cluster.Through, key, Encoding.ASCII.GetBytes($"k8s {Marker}"), ground.Stop);
        await Cluster.ReadAsync(cluster.Through, key, ground.Stop);
        bool found = relay.Holds(Encoding.ASCII.GetBytes(Marker));
        bool passed = relay.Holds("k8s:enc:kms:v2:tee:"u8);
        using RawEtcd clear = new(GrpcChannel.ForAddress($"http://127.0.0.1:{relay.Port}"));
        await Cluster.WriteAsync(clear, $"/{Name}/clear", Encoding.ASCII.GetBytes($"k8s {Marker}"), ground.Stop);
        return new Outcome(
            found || !passed ? Trial.Success($"in clear: {found}; ciphertext passed: {passed}") : Trial.Refused("ciphertext passed, the value did not"),
            relay.Holds(Encoding.ASCII.GetBytes(Marker)) ? Trial.Success("a value that an API server sends to etcd itself is in the same recording") : Trial.Refused("not found"));
    }
}

/// <summary>Records what goes both ways between its port and another.</summary>
internal sealed class RecordingRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, LoopbackPort.Next());
    private readonly MemoryStream _record = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public RecordingRelay(int target)
    {
        _listener.Start();
        _accepting = AcceptAsync(target);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public long Length
    {
        get
        {
            lock (_record)
            {
                return _record.Length;
            }
        }
    }

    public bool Holds(ReadOnlySpan<byte> bytes)
    {
        lock (_record)
        {
            return _record.GetBuffer().AsSpan(0, (int)_record.Length).IndexOf(bytes) >= 0;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync(int target)
    {
        List<Task> running = [];
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_stop.Token);
                running.Add(CarryAsync(client, target));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(running);
        }
    }

    private async Task CarryAsync(TcpClient client, int target)
    {
        using TcpClient near = client;
        using TcpClient far = new();
        try
        {
            await far.ConnectAsync(IPAddress.Loopback, target, _stop.Token);
            await Task.WhenAny(CopyAsync(near.GetStream(), far.GetStream()), CopyAsync(far.GetStream(), near.GetStream()));
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
        {
            // One side went.
        }
    }

    private async Task CopyAsync(NetworkStream from, NetworkStream to)
    {
        byte[] buffer = new byte[64 * 1024];
        int read;
        while ((read = await from.ReadAsync(buffer, _stop.Token)) > 0)
        {
            lock (_record)
            {
                _record.Write(buffer, 0, read);
            }

            await to.WriteAsync(buffer.AsMemory(0, read), _stop.Token);
        }
    }
}

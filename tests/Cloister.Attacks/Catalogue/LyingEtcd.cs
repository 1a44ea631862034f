using System.Net;
using System.Net.Sockets;
using Cloister.Attacks.Framework;
using Cloister.Attacks.Grounds;
using Cloister.Gateway.Tests.Support;
using Grpc.Core;
using Grpc.Net.Client;
using Messages = Cloister.Enclave.Tests.Gateway.Etcd;

namespace Cloister.Attacks.Catalogue;

/// <summary>
/// Who stands between the gateway and etcd has etcd answer for another namespace than was asked for: the owner of <c>team-b</c> reads a Secret of
/// <c>team-a</c>. The control does the same with values that the API server has in etcd in clear.
/// </summary>
internal abstract class LyingEtcd(string name, string what) : Attack(
    name, Attacker.EtcdWriter, $"the way between gateway and etcd, and may {what} Secrets of his own namespace", Promise.Protected,
    "the gateway compares each pair that etcd answers with what was asked for: DATA_LOSS, and the log names the key")
{
    protected const string Mine = "/team-b/mine";
    private const string Victim = "/team-a/mine";

    private static readonly byte[] Value = "k8s LYING-ETCD"u8.ToArray();

    public override async Task<Outcome> RunAsync(Ground ground)
    {
        Relay? relay = null;
        Cluster cluster = await ground.OwnClusterAsync(new ClusterOptions { WayToEtcd = etcd => (relay = ground.Add(new Relay(new Uri(etcd).Port))).Url });
        await Cluster.WriteAsync(cluster.Through, $"/registry/secrets{Victim}", Value, ground.Stop);
        await cluster.Etcd.PutAsync($"/in-the-open{Victim}", Value, ground.Stop);
        using RawEtcd open = new(GrpcChannel.ForAddress(relay!.Url));
        relay.Lies = true;
        return new Outcome(
            await ShowsAsync(cluster.Through, "/registry/secrets", cluster, ground),
            await ShowsAsync(open, "/in-the-open", cluster, ground));
    }

    /// <summary>The bytes of an answer to something about the attacker's own Secret.</summary>
    protected abstract Task<byte[]> AskAsync(RawEtcd etcd, string resource, CancellationToken stop);

    private async Task<Trial> ShowsAsync(RawEtcd etcd, string resource, Cluster cluster, Ground ground)
    {
        try
        {
            Task<byte[]> asking = AskAsync(etcd, resource, ground.Stop);
            while (await Task.WhenAny(asking, Task.Delay(500, ground.Stop)) != asking)
            {
                // For a watch: the Secret is written again, with what is there.
                byte[] stored = (await Cluster.ReadAsync(cluster.Direct, resource + Victim, ground.Stop))!;
                await cluster.Etcd.PutAsync(resource + Victim, stored, ground.Stop);
            }

            return (await asking).AsSpan().IndexOf(Value) >= 0 ? Trial.Success("the other namespace's Secret is read in clear") : Trial.Refused("not in the answer");
        }
        catch (RpcException e)
        {
            return Trial.Refused($"{e.StatusCode}: {e.Status.Detail}");
        }
    }

    /// <summary>Passes bytes on, and has requests for <c>team-b</c> be for <c>team-a</c>: equally long, so no length changes.</summary>
    private sealed class Relay : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly int _port;

        internal Relay(int port)
        {
            _port = port;
            _listener.Start();
            new Thread(Accept) { IsBackground = true }.Start();
        }

        internal string Url => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

        internal volatile bool Lies;

        public void Dispose() => _listener.Dispose();

        private void Accept()
        {
            while (true)
            {
                TcpClient from;
                try
                {
                    from = _listener.AcceptTcpClient();
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
                {
                    return;
                }

                TcpClient to = new("127.0.0.1", _port) { NoDelay = true };
                from.NoDelay = true;
                new Thread(() => Pass(from, to, requests: true)) { IsBackground = true }.Start();
                new Thread(() => Pass(to, from, requests: false)) { IsBackground = true }.Start();
            }
        }

        private void Pass(TcpClient from, TcpClient to, bool requests)
        {
            byte[] buffer = new byte[65_536];
            try
            {
                int held = 0;
                for (int read; (read = from.GetStream().Read(buffer, held, buffer.Length - held)) > 0;)
                {
                    Span<byte> here = buffer.AsSpan(0, held + read);
                    for (int at = 0; requests && Lies && here[at..].IndexOf("/team-b"u8) is >= 0 and int found; at += found + 1)
                    {
                        here[at + found + "/team-".Length] = (byte)'a';
                    }

                    // A name may come in two pieces: its beginning waits for the rest.
                    held = 0;
                    for (int length = "/team-".Length; requests && Lies && length > 1 && held == 0; length--)
                    {
                        held = here.EndsWith("/team-"u8[..length]) ? length : 0;
                    }

                    to.GetStream().Write(here[..^held]);
                    here[^held..].CopyTo(buffer);
                }
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // Over.
            }
            finally
            {
                to.Dispose();
                from.Dispose();
            }
        }
    }
}

internal sealed class LyingGet() : LyingEtcd("another-secret-for-a-get", "get")
{
    protected override Task<byte[]> AskAsync(RawEtcd etcd, string resource, CancellationToken stop) =>
        etcd.CallAsync("/etcdserverpb.KV/Range", Messages.Ask(resource + Mine), stop);
}

internal sealed class LyingList() : LyingEtcd("another-namespace-for-a-list", "list")
{
    protected override Task<byte[]> AskAsync(RawEtcd etcd, string resource, CancellationToken stop) =>
        etcd.CallAsync("/etcdserverpb.KV/Range", Messages.Ask($"{resource}/team-b/", $"{resource}/team-b0"), stop);
}

/// <summary>An update that comes too late is answered with what is there, by the transaction's other branch.</summary>
internal sealed class LyingUpdate() : LyingEtcd("another-secret-for-an-update", "update")
{
    protected override Task<byte[]> AskAsync(RawEtcd etcd, string resource, CancellationToken stop) => etcd.CallAsync(
        "/etcdserverpb.KV/Txn",
        Messages.Txn([Messages.Compare(2, resource + Mine)], [Messages.PutOp(resource + Mine, [1])], [Messages.Nested(1, Messages.Ask(resource + Mine))]),
        stop);
}

/// <summary>A deletion is answered with what was deleted.</summary>
internal sealed class LyingDeletion() : LyingEtcd("another-secret-for-a-deletion", "delete")
{
    protected override Task<byte[]> AskAsync(RawEtcd etcd, string resource, CancellationToken stop) => etcd.CallAsync(
        "/etcdserverpb.KV/Txn", Messages.Txn([], [Messages.Nested(3, Messages.Delete(resource + Mine))], []), stop);
}

internal sealed class LyingWatch() : LyingEtcd("another-secret-for-a-watch", "watch")
{
    protected override async Task<byte[]> AskAsync(RawEtcd etcd, string resource, CancellationToken stop)
    {
        using AsyncDuplexStreamingCall<byte[], byte[]> watch = etcd.Watch(stop);
        await watch.RequestStream.WriteAsync(Messages.AskWatch(resource + Mine), stop);
        await watch.ResponseStream.MoveNext(stop);
        await watch.ResponseStream.MoveNext(stop);
        return watch.ResponseStream.Current;
    }
}

using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Cloister.Enclave.Wire.Http2;
using Cloister.Kbs;
using Cloister.Sockets;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The life of one connection of an API server, with one of its own to etcd: neither outlives the other. Calls that were open when etcd's
/// went fail as they do without a gateway; nothing is repeated here. secrets: see its session.
/// </summary>
internal sealed class GatewayConnection : IDisposable
{
    private const int HandshakeMilliseconds = 10_000;
    private const int LingerMilliseconds = 1000;
    private const int LeaveMilliseconds = 2000;

    /// <summary>Bytes of the stack of a thread that serves one.</summary>
    internal const int StackSize = 512 * 1024;

    // A frame or a block of headers that was begun and does not go on.
    private const int SlowFrameMilliseconds = 20_000;

    private readonly GatewayParts _parts;
    private readonly Socket _client;
    private readonly long _begun = Environment.TickCount64;
    private readonly CancellationTokenSource _closing = new();
    private readonly ManualResetEventSlim _clientTold = new();
    private readonly List<Stream> _streams = [];
    private volatile Socket? _etcd;
    private volatile EtcdMember? _member;
    private volatile ProxySession? _session;
    private volatile bool _clientGone;
    private volatile bool _etcdLost;
    private volatile FramePump? _reading;
    private bool _leaving;
    private Timer? _patience;

    internal GatewayConnection(GatewayParts parts, Socket client)
    {
        _parts = parts;
        _client = client;
    }

    /// <summary>The client's certificate, once it is authenticated; empty before.</summary>
    internal string Client { get; private set; } = "";

    /// <summary>When the client last sent anything, or connected, in the machine's milliseconds.</summary>
    internal long LastRead => _reading?.LastRead ?? _begun;

    /// <summary>The member of etcd that it is connected to; null before, and without etcd.</summary>
    internal EtcdMember? Member => _member;

    /// <summary>It serves without etcd: every call is answered UNAVAILABLE.</summary>
    internal bool IsWithoutEtcd => _session is { IsWithoutEtcd: true };

    /// <summary>A call is open.</summary>
    internal bool HasCalls => _session is { } session && session.HasStreams;

    /// <summary>No call is under way that soon ends: watches do not.</summary>
    internal bool IsQuiet
    {
        get
        {
            if (_session is not { } session)
            {
                return true;
            }

            lock (session.Gate)
            {
                return session.Streams.All(stream => stream.IsWatch);
            }
        }
    }

    /// <summary>Serves it to its end, on the calling thread.</summary>
    /// <param name="admitted">Asked once the client is authenticated: whether there is room for it.</param>
    internal void Run(Func<bool> admitted)
    {
        try
        {
            Serve(admitted);
        }
        catch (Exception e) when (IsEnd(e) && (_clientGone || !RequestFailure.IsFaultOfTls(e)))
        {
            if (e is AuthenticationException && _parts.Refusals.TryAcquire(out long suppressed))
            {
                _parts.Log.GatewayClientRefused(suppressed);
            }
        }
        catch (Exception e)
        {
            _parts.Log.Fault("gateway connection", e);
        }
        finally
        {
            Abort();
            _session?.Dispose();
            _streams.ForEach(stream => stream.Dispose());
        }
    }

    public void Dispose()
    {
        _closing.Dispose();
        _clientTold.Dispose();
        _patience?.Dispose();
    }

    /// <summary>Ends it at once.</summary>
    internal void Abort()
    {
        _clientGone = true;
        SocketDefaults.End(_client);
        if (_etcd is { } etcd)
        {
            SocketDefaults.End(etcd);
        }

        try
        {
            // A rewriting may wait for a remote KMS.
            _ = _closing.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It is over already.
        }
    }

    /// <summary>Tells the API server to go on elsewhere.</summary>
    internal void Tell(string reason)
    {
        if (_session is { } session)
        {
            GoAway(session, Http2ErrorCode.NoError, reason);
        }
    }

    /// <summary>Sends the API server to a new connection, lets calls end for a moment, and closes. Waits for nobody, and does it once.</summary>
    internal void Leave(string reason)
    {
        if (!Interlocked.Exchange(ref _leaving, true))
        {
            _ = LeaveAsync(reason);
        }
    }

    private async Task LeaveAsync(string reason)
    {
        await Task.Run(() => Tell(reason));
        for (long until = Environment.TickCount64 + LeaveMilliseconds; HasCalls && Environment.TickCount64 < until;)
        {
            await Task.Delay(20);
        }

        // Closing with unread bytes would reset the connection and could take GOAWAY away from it.
        SocketDefaults.Half(_client);
        for (long until = Environment.TickCount64 + LingerMilliseconds; !_clientGone && Environment.TickCount64 < until;)
        {
            await Task.Delay(20);
        }

        Abort();
    }

    /// <summary>Ends what the client began and does not go on with. For a timer: it waits for nobody.</summary>
    internal void CloseIfSlow()
    {
        if (_session is not { } session || _reading is not { } reading || Volatile.Read(ref _leaving))
        {
            return;
        }

        long now = Environment.TickCount64;
        if (reading.PartSince is var since and not 0 && now - since > SlowFrameMilliseconds)
        {
            _parts.Ended(ConnectionEnd.TooSlow);
            Volatile.Write(ref _leaving, true);
            InBackground(() =>
            {
                GoAway(session, PeerFault.SlowFrame.Code, PeerFault.SlowFrame.Text);
                Abort();
            });
        }
        else if (SlowCalls.End(session, now))
        {
            _parts.Ended(ConnectionEnd.TooSlow);
            InBackground(session.Flush);
        }
    }

    private static void InBackground(Action action) => _ = Task.Run(() =>
    {
        try
        {
            action();
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Nobody is there to be told.
        }
    });

    private static bool IsEnd(Exception e) => e is IOException or SocketException or ObjectDisposedException or AuthenticationException or InvalidOperationException;

    private void Serve(Func<bool> admitted)
    {
        SocketDefaults.Apply(_client);
        if (Authenticate() is not { } client || !admitted())
        {
            return;
        }

        using FrameReader fromClient = new(client);
        using (EndAfter(HandshakeMilliseconds, ConnectionEnd.TooSlow))
        {
            // Its first frame as well: etcd is not asked for one that says nothing more.
            if (!fromClient.TakePreface(FrameReader.Preface) || !fromClient.Await(FrameHeader.Size))
            {
                return;
            }
        }

        FrameReader? fromEtcd = null;
        Socket? connected = _parts.Connector.Connect(() => !_clientGone, Opening, etcd =>
        {
            _streams.Add(etcd);
            ProxySession session = new(client, etcd, _parts.Budget, _parts.Calls, _parts.Counters);
            try
            {
                session.Begin(FrameReader.Preface);
                fromEtcd = new FrameReader(etcd);
                session.Etcd.Flush();

                // An API server learns that this connection works only when etcd's does.
                EtcdProbe.AwaitSettings(fromEtcd);
            }
            catch
            {
                session.Dispose();
                throw;
            }

            _session = session;
        },
        out EtcdMember? member);
        if (connected is not { } socket || _session is not { } ready || fromEtcd is null)
        {
            ServeWithoutEtcd(client, fromClient);
            return;
        }

        _member = member;
        using FrameReader second = fromEtcd;
        FramePump clientPump = new(ready, fromClient, new ClientPump(ready, Rewriter(), _parts.Log));
        _reading = clientPump;
        FramePump etcdPump = new(ready, fromEtcd, new EtcdPump(ready, Rewriter(), OnStatus));
        Thread etcdThread = new(() => RunEtcdToItsEnd(ready, etcdPump), StackSize) { IsBackground = true, Name = "gateway, etcd" };
        etcdThread.Start();
        RunClient(ready, clientPump);
        SocketDefaults.End(socket);
        etcdThread.Join();
    }

    private void Opening(Socket etcd)
    {
        _etcd = etcd;
        if (_clientGone)
        {
            SocketDefaults.End(etcd);
        }
    }

    // A connection that works and says so at once: gRPC tries again at once when it is told to, and later and later after one that failed.
    private void ServeWithoutEtcd(Stream client, FrameReader fromClient)
    {
        ProxySession session = new(client, Stream.Null, _parts.Budget, _parts.Calls, _parts.Counters) { IsWithoutEtcd = true };
        session.Begin(FrameReader.Preface);
        FramePump pump = new(session, fromClient, new ClientPump(session, Rewriter(), _parts.Log));
        _session = session;
        _reading = pump;
        _parts.Connector.Await();
        RunClient(session, pump);
    }

    // What the work that a member is asked for says of it.
    private void OnStatus(ProxyStream stream, List<HeaderField> trailers)
    {
        if (_member is not { } member || !stream.NeedsCluster)
        {
            return;
        }

        ReadOnlySpan<byte> status = trailers.Find(static field => field.Is("grpc-status"u8)).Value;
        if (status.SequenceEqual("0"u8))
        {
            member.HasServed();
        }
        else if (status.SequenceEqual("14"u8))
        {
            _parts.Connector.Doubt(member);
        }
    }

    private SslStream? Authenticate()
    {
        // Waits for the first certificate of a broker, as long as nobody else wants the place.
        SslStreamCertificateContext certificate = _parts.Tls.Serving(() => !_clientGone);
        using (EndAfter(HandshakeMilliseconds, ConnectionEnd.HandshakeTimeout))
        {
            SslStream client = _parts.Tls.Accept(new SocketStream(_client), certificate);
            _streams.Add(client);
            Client = client.RemoteCertificate?.GetCertHashString(HashAlgorithmName.SHA256) ?? "";
            return _clientGone ? null : client;
        }
    }

    private Timer EndAfter(int milliseconds, ConnectionEnd end) => new(
        _ =>
        {
            _parts.Ended(end);
            SocketDefaults.End(_client);
        },
        null,
        milliseconds,
        Timeout.Infinite);

    private MessageRewriter Rewriter() => new(_parts.Messages, _parts.Log, _parts.MaxMessageSize, _closing.Token);

    private void RunClient(ProxySession session, FramePump pump)
    {
        try
        {
            pump.Run();
        }
        catch (Http2Exception e)
        {
            _parts.Log.GatewayProtocolError("an API server", e.Message);
            GoAway(session, e.Fault.Code, e.Fault.Text);
            SocketDefaults.Linger(_client, LingerMilliseconds);
        }
        catch (Exception e) when (IsEnd(e))
        {
            // One of the two is gone. When it is etcd, the API server is told by the thread that noticed.
            if (_etcdLost && _clientTold.Wait(LingerMilliseconds))
            {
                SocketDefaults.Linger(_client, LingerMilliseconds);
            }
        }
        catch (Exception e)
        {
            _parts.Log.Fault("gateway, reading an API server", e);
            GoAway(session, Http2ErrorCode.InternalError, "a fault in the gateway");
        }
        finally
        {
            _clientGone = true;
            _closing.Cancel();
        }
    }

    private void RunEtcdToItsEnd(ProxySession session, FramePump pump)
    {
        try
        {
            RunEtcd(session, pump);
        }
        catch (OutOfMemoryException)
        {
            // Not even to tell the API server.
            Abort();
        }
    }

    private void RunEtcd(ProxySession session, FramePump pump)
    {
        (Http2ErrorCode code, string reason) = (Http2ErrorCode.NoError, "the connection to etcd is lost");
        try
        {
            pump.Run();
        }
        catch (Http2Exception e)
        {
            _parts.Log.GatewayProtocolError("etcd", e.Message);
            Tell(session, session.Etcd, 0, e.Fault.Code, e.Fault.Text);
            (code, reason) = (Http2ErrorCode.InternalError, "etcd broke the protocol");
        }
        catch (Exception e) when (IsEnd(e))
        {
            // As above.
        }
        catch (Exception e)
        {
            _parts.Log.Fault("gateway, reading etcd", e);
            (code, reason) = (Http2ErrorCode.InternalError, "a fault in the gateway");
        }

        if (!_clientGone)
        {
            _etcdLost = true;
            GoAway(session, code, reason);
            SocketDefaults.Half(_client);
            _clientTold.Set();
            if (_etcd is { } socket)
            {
                SocketDefaults.End(socket);
            }

            // The API server closes its half; when it does not, this does.
            _patience = new Timer(_ => SocketDefaults.End(_client), null, LingerMilliseconds, Timeout.Infinite);
        }
    }

    // What was not sent on is not begun: everything up to the last stream may have been.
    private static void GoAway(ProxySession session, Http2ErrorCode code, string reason)
    {
        lock (session.Gate)
        {
            session.GoAwayLimit = Math.Min(session.GoAwayLimit, session.LastStreamId);
        }

        Tell(session, session.Client, session.GoAwayLimit, code, reason);
    }

    private static void Tell(ProxySession session, Link peer, int lastStreamId, Http2ErrorCode code, string reason)
    {
        try
        {
            lock (session.Gate)
            {
                peer.Output.GoAway(lastStreamId, code, reason);
            }

            // Also when the thread that reads the other side is just sending: what comes next may end the connection.
            peer.FlushAll(LingerMilliseconds);
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Nobody is there to be told.
        }
    }
}

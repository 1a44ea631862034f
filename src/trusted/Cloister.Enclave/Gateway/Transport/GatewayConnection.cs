using System.Net.Sockets;
using System.Security.Authentication;
using Cloister.Enclave.Gateway.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The life of one connection of an API server, with one of its own to etcd: neither outlives the other. Calls that were open when etcd's
/// went fail as they do without a gateway; nothing is repeated here. secrets: see its session.
/// </summary>
internal sealed class GatewayConnection : IDisposable
{
    private const int HandshakeMilliseconds = 10_000;
    private const int LingerMilliseconds = 1000;

    private readonly GatewayParts _parts;
    private readonly Socket _client;
    private readonly CancellationTokenSource _closing = new();
    private readonly ManualResetEventSlim _clientTold = new();
    private readonly List<Stream> _streams = [];
    private volatile Socket? _etcd;
    private volatile ProxySession? _session;
    private volatile bool _clientGone;
    private volatile bool _etcdLost;
    private Timer? _patience;

    internal GatewayConnection(GatewayParts parts, Socket client)
    {
        _parts = parts;
        _client = client;
    }

    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Serves it to its end, on the calling thread.</summary>
    internal void Run()
    {
        try
        {
            Serve();
        }
        catch (Exception e) when (IsEnd(e))
        {
            if (e is AuthenticationException && _parts.Refusals.MayPass(out long suppressed))
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
        SocketHabits.End(_client);
        if (_etcd is { } etcd)
        {
            SocketHabits.End(etcd);
        }
    }

    /// <summary>Tells the API server to go on elsewhere.</summary>
    /// <returns>False while calls are under way that soon end: watches do not.</returns>
    internal bool Drain(bool tell)
    {
        if (_session is not { } session)
        {
            return true;
        }

        if (tell)
        {
            GoAway(session, Http2ErrorCode.NoError, "the gateway stops");
        }

        lock (session.Gate)
        {
            return session.Streams.All(stream => stream.Response.Kind == EtcdMessage.WatchResponse);
        }
    }

    private static bool IsEnd(Exception e) => e is IOException or SocketException or ObjectDisposedException or AuthenticationException or InvalidOperationException;

    private void Serve()
    {
        SocketHabits.Apply(_client);
        Stream client;
        FrameReader fromClient;
        using (Timer patience = new(_ => SocketHabits.End(_client), null, HandshakeMilliseconds, Timeout.Infinite))
        {
            client = _parts.Tls.Accept(new SocketStream(_client));
            _streams.Add(client);
            fromClient = new FrameReader(client);
            if (!fromClient.TakePreface(Preface))
            {
                return;
            }
        }

        using FrameReader first = fromClient;
        FrameReader? fromEtcd = null;
        _etcd = _parts.Connector.Connect(() => !_clientGone, etcd =>
        {
            _streams.Add(etcd);
            ProxySession session = new(client, etcd, _parts.Budget, _parts.Counters);
            try
            {
                session.Begin(Preface);
                fromEtcd = new FrameReader(etcd);
                session.Etcd.Flush();

                // An API server learns that this connection works only when etcd's does.
                AwaitSettings(fromEtcd);
            }
            catch
            {
                session.Dispose();
                throw;
            }

            _session = session;
        });
        if (_etcd is not { } socket || _session is not { } ready || fromEtcd is null)
        {
            return;
        }

        using FrameReader second = fromEtcd;
        ClientPump clientPump = new(ready, fromClient, Rewriter(), _parts.Log);
        EtcdPump etcdPump = new(ready, fromEtcd, Rewriter());
        Thread etcdThread = new(() => RunEtcd(ready, etcdPump)) { IsBackground = true, Name = "gateway, etcd" };
        etcdThread.Start();
        RunClient(ready, clientPump);
        SocketHabits.End(socket);
        etcdThread.Join();
    }

    private MessageRewriter Rewriter() => new(_parts.Messages, _parts.Log, _parts.MaxMessageSize, _closing.Token);

    private static void AwaitSettings(FrameReader reader)
    {
        FrameHeader header;
        while (!reader.TryPeek(out header, out _))
        {
            if (!reader.Fill())
            {
                throw new IOException("closed");
            }
        }

        if (header.Type != FrameType.Settings)
        {
            throw new Http2Exception(Http2ErrorCode.ProtocolError, "not SETTINGS");
        }
    }

    private void RunClient(ProxySession session, ClientPump pump)
    {
        try
        {
            pump.Run();
        }
        catch (Http2Exception e)
        {
            _parts.Log.GatewayProtocolError("an API server", e.Message);
            GoAway(session, e.Code, e.Message);
            Linger();
        }
        catch (Exception e) when (IsEnd(e))
        {
            // One of the two is gone. When it is etcd, the API server is told by the thread that noticed.
            if (_etcdLost && _clientTold.Wait(LingerMilliseconds))
            {
                Linger();
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

    private void RunEtcd(ProxySession session, EtcdPump pump)
    {
        (Http2ErrorCode code, string reason) = (Http2ErrorCode.NoError, "the connection to etcd is lost");
        try
        {
            pump.Run();
        }
        catch (Http2Exception e)
        {
            _parts.Log.GatewayProtocolError("etcd", e.Message);
            Tell(session, session.Etcd, 0, e.Code, e.Message);
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
            Half(_client);
            _clientTold.Set();
            if (_etcd is { } socket)
            {
                SocketHabits.End(socket);
            }

            // The API server closes its half; when it does not, this does.
            _patience = new Timer(_ => SocketHabits.End(_client), null, LingerMilliseconds, Timeout.Infinite);
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

    private static void Half(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is over already.
        }
    }

    // Closing with unread bytes would reset the connection and could take GOAWAY away from the peer.
    private void Linger()
    {
        const int Most = 1024;
        using Timer end = new(_ => SocketHabits.End(_client), null, LingerMilliseconds, Timeout.Infinite);
        Half(_client);
        byte[] sink = new byte[4096];
        try
        {
            for (int i = 0; i < Most && _client.Receive(sink) > 0; i++)
            {
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Long enough.
        }
    }
}

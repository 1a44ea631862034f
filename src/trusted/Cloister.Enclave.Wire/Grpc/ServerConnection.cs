using System.Net.Sockets;
using System.Security.Authentication;
using Cloister.Enclave.Wire.Http2;
using Cloister.Kbs;
using Cloister.Sockets;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>The life of one connection, on a thread of its own: TLS where it has to be, the preface, calls until either side ends it. secrets: see its session.</summary>
internal sealed class ServerConnection
{
    /// <summary>Bytes of the stack of its thread.</summary>
    internal const int StackSize = 256 * 1024;

    private const int BeginSeconds = 5;
    private const int SlowFrameMilliseconds = 10_000;
    private const int LingerMilliseconds = 1000;

    private readonly ServerParts _parts;
    private readonly Socket _socket;
    private readonly ConnectionTable.Connection _entry;
    private readonly long _accepted = Environment.TickCount64;
    private volatile ServerSession? _session;
    private volatile FramePump? _reading;
    private volatile bool _closed;
    private volatile bool _slow;

    internal ServerConnection(ServerParts parts, Socket socket, uint? uid)
    {
        _parts = parts;
        _socket = socket;
        _entry = parts.Table.Enter(uid, Close);
    }

    internal bool HasCalls => _session is { HasCalls: true };

    /// <summary>Serves it to its end, on the calling thread.</summary>
    internal void Run()
    {
        Stream? stream = null;
        try
        {
            SocketDefaults.Apply(_socket);
            stream = Enter(new SocketStream(_socket));
            if (stream is not null)
            {
                Serve(stream);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            // Its peer is gone, or it was told to close.
        }
        catch (OutOfMemoryException)
        {
            // There is none for it; others go on.
        }
        catch (Exception e)
        {
            _parts.Log.Fault($"connection to {_parts.Role}", e);
        }
        finally
        {
            Close();
            _session?.Dispose();
            Dispose(stream);
            _entry.Leave();
        }
    }

    /// <summary>Ends it at once. Thread-safe.</summary>
    internal void Close()
    {
        _closed = true;
        SocketDefaults.End(_socket);
    }

    /// <summary>It is not served at all.</summary>
    internal void Abandon() => _entry.Leave();

    /// <summary>Takes no more calls; those that are open go on.</summary>
    internal void Leave()
    {
        if (_session is { } session)
        {
            session.GoAway(Http2ErrorCode.NoError, "the enclave stops");
            session.FlushFromElsewhere();
        }
        else
        {
            Close();
        }
    }

    /// <summary>No more is sent; the peer closes when it has read everything.</summary>
    internal void Half() => SocketDefaults.Half(_socket);

    /// <summary>Ends what does not go on. Waits for nobody; called about once a second.</summary>
    internal void Watch(long now)
    {
        if (_session is not { } session)
        {
            if (now - _accepted > 1000 * BeginSeconds && !_closed)
            {
                _slow = true;
                Close();
            }

            return;
        }

        if (_reading?.PartSince is { } since and not 0 && now - since > SlowFrameMilliseconds)
        {
            session.GoAway(PeerFault.SlowFrame.Code, PeerFault.SlowFrame.Text);
            session.FlushFromElsewhere();
            Close();
            return;
        }

        session.EndUnread(now);
    }

    private static bool IsEnd(Exception e) => e is IOException or SocketException or ObjectDisposedException or InvalidOperationException;

    private static void Dispose(Stream? stream)
    {
        try
        {
            stream?.Dispose();
        }
        catch (Exception e) when (IsEnd(e))
        {
            // It is gone already.
        }
    }

    // Null when it is not let in.
    private Stream? Enter(SocketStream plain)
    {
        if (_parts.Relays is not { } relays)
        {
            return plain;
        }

        try
        {
            return relays.Accept(plain);
        }
        catch (Exception e)
        {
            if (_slow)
            {
                TellSilent();
            }
            else if (!_closed)
            {
                TellRefused(e);
            }

            return null;
        }
    }

    private void Serve(Stream stream)
    {
        using FrameReader reader = new(stream, frames: 2);
        bool begun = HasBegun(reader);
        if (!begun || !_entry.TryOpen())
        {
            return;
        }

        ServerSession session = new(_parts, stream, _entry, () => _socket.Poll(0, SelectMode.SelectWrite));
        session.Begin();
        FramePump pump = new(session, reader, session);
        _reading = pump;
        _session = session;
        try
        {
            pump.Run();
        }
        catch (Http2Exception e)
        {
            session.GoAway(e.Fault.Code, e.Fault.Text);
            session.From.FlushAll(LingerMilliseconds);
            SocketDefaults.Linger(_socket, LingerMilliseconds);
        }
    }

    private bool HasBegun(FrameReader reader)
    {
        try
        {
            if (reader.TakePreface(FrameReader.Preface))
            {
                return true;
            }
        }
        catch (IOException) when (_slow)
        {
            // Said below.
        }

        if (_slow)
        {
            TellSilent();
        }

        return false;
    }

    private void TellSilent()
    {
        _parts.Counters.ConnectionRefused();
        if (_parts.Silences.TryAcquire(out long suppressed))
        {
            _parts.Log.PeerSilent(_parts.Role, BeginSeconds, suppressed);
        }
    }

    // What this program cannot do is not the relay's fault.
    private void TellRefused(Exception failure)
    {
        _parts.Counters.ConnectionRefused();
        if (!_parts.Refusals.TryAcquire(out long suppressed))
        {
            return;
        }

        if (failure is AuthenticationException || (failure is IOException && !RequestFailure.IsFaultOfTls(failure)))
        {
            _parts.Log.RelayRefused(_parts.Role, suppressed);
        }
        else
        {
            _parts.Log.Fault($"handshake of {_parts.Role}", failure);
        }
    }
}

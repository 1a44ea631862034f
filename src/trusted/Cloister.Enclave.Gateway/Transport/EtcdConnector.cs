using System.Net.Sockets;
using System.Security.Authentication;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;
using Cloister.Kbs;
using Cloister.Sockets;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// Opens connections to etcd, and knows which of its endpoints does its work: that is asked of the one in use whenever its calls do not show it.
/// One that answers and cannot serve is left for one that can. Thread-safe. secrets: none.
/// </summary>
internal sealed class EtcdConnector : IDisposable
{
    private const int TimeoutMilliseconds = 3000;
    private const int JoinMilliseconds = 1000;
    private const int LookMilliseconds = 1000;
    private const int LookForEtcdMilliseconds = 250;

    // Calls that were carried out say as much as a question.
    private const int QuietMilliseconds = 3000;

    // An answer is believed at once; silence only when it is repeated: a machine under load is silent for a while.
    private const int SilentTimes = 2;

    private readonly EtcdMember[] _members;
    private readonly GatewayTls _tls;
    private readonly EnclaveLog _log;
    private readonly GatewayCounters _counters;
    private readonly LogRateLimiter _failures = new();
    private readonly LogRateLimiter _none = new();
    private readonly ManualResetEventSlim _judged = new();
    private readonly AutoResetEvent _wake = new(false);
    private readonly Thread _thread;
    private int _current;
    private volatile bool _wanted;
    private volatile bool _stopping;

    internal EtcdConnector(IReadOnlyList<EtcdEndpoint> endpoints, GatewayTls tls, GatewayCounters counters, EnclaveLog log)
    {
        _members = [.. endpoints.Select(endpoint => new EtcdMember(endpoint))];
        _tls = tls;
        _log = log;
        _counters = counters;
        counters.Etcd = _members;
        _thread = new Thread(Watch) { IsBackground = true, Name = "gateway, members of etcd" };
    }

    /// <summary>The member in use.</summary>
    internal EtcdMember Current => _members[Volatile.Read(ref _current)];

    /// <summary>Called when a member is left: its connections are to go on elsewhere.</summary>
    internal Action Left { get; set; } = () => { };

    /// <summary>Called when etcd can be reached again, once somebody waits for that (<see cref="Await"/>).</summary>
    internal Action Back { get; set; } = () => { };

    internal void Start() => _thread.Start();

    /// <summary>Connects: to the member in use, and when it does not answer, to the next.</summary>
    /// <param name="wanted">False once nobody waits for it.</param>
    /// <param name="opening">Told of each socket before it connects: ending it ends the attempt.</param>
    /// <param name="greet">Speaks until the peer is known to be etcd; throws when it is not.</param>
    /// <param name="member">Which it is.</param>
    /// <returns>The socket, or null when no endpoint answers.</returns>
    internal Socket? Connect(Func<bool> wanted, Action<Socket> opening, Action<Stream> greet, out EtcdMember? member)
    {
        if (_members.Length > 1)
        {
            // The first question to them is soon answered, or not at all.
            for (long until = Environment.TickCount64 + TimeoutMilliseconds; wanted() && Environment.TickCount64 < until && !_judged.Wait(LookForEtcdMilliseconds);)
            {
            }
        }

        int first = Volatile.Read(ref _current);
        foreach (int index in Enumerable.Range(0, _members.Length).Select(i => (first + i) % _members.Length).OrderBy(i => _members[i].IsSick))
        {
            if (!wanted())
            {
                break;
            }

            member = _members[index];
            if (TryConnect(member, opening, greet, out string reason) is { } socket)
            {
                Volatile.Write(ref _current, index);
                return socket;
            }

            Unreachable(member, reason);
        }

        member = null;
        return null;
    }

    /// <summary>Somebody waits until etcd can be reached.</summary>
    internal void Await()
    {
        _wanted = true;
        _wake.Set();
    }

    /// <summary>A call of a member's ended in a way that may be its fault: it is asked at once.</summary>
    internal void Doubt(EtcdMember member)
    {
        if (_members.Length > 1 && member == Current)
        {
            _wake.Set();
        }
    }

    public void Dispose()
    {
        if (_stopping)
        {
            return;
        }

        _stopping = true;
        _wake.Set();
        if (_thread.Join(JoinMilliseconds))
        {
            _wake.Dispose();
            _judged.Dispose();
        }
    }

    private void Watch()
    {
        bool doubted = true;
        long asked = -QuietMilliseconds;
        while (!_stopping)
        {
            try
            {
                Look(ref doubted, ref asked);
            }
            catch (OutOfMemoryException)
            {
                // The next look may have some.
                Thread.Sleep(LookForEtcdMilliseconds);
            }
        }
    }

    private void Look(ref bool doubted, ref long asked)
    {
        EtcdMember current = Current;
        long now = Environment.TickCount64;
        if (_members.Length > 1 && (now - current.Served >= QuietMilliseconds || (doubted && now - asked >= LookForEtcdMilliseconds)))
        {
            asked = now;
            Judge(current);
            _judged.Set();
        }

        if (_wanted && Array.Exists(_members, member => TryAsk(member, greetOnly: true).Serves))
        {
            _wanted = false;
            Back();
        }

        doubted = _wake.WaitOne(_wanted ? LookForEtcdMilliseconds : LookMilliseconds);
    }

    // Nothing is left for one that does not do its work either.
    private void Judge(EtcdMember current)
    {
        if (Serves(current))
        {
            return;
        }

        EtcdMember? other = current.IsSick ? Array.Find(_members, member => member != current && !_stopping && Serves(member)) : null;
        if (other is not null)
        {
            Volatile.Write(ref _current, Array.IndexOf(_members, other));
            _counters.EtcdLeft();
            _log.EtcdLeft(current.Name, other.Name);
            Left();
        }
        else if (current.IsSick && _none.TryAcquire(out long suppressed))
        {
            _log.NoEtcdServes(suppressed);
        }
    }

    private bool Serves(EtcdMember member)
    {
        EtcdVerdict verdict = TryAsk(member, greetOnly: false);
        if (verdict.Serves)
        {
            member.HasServed();
            member.Silent = 0;
            if (member.IsSick)
            {
                member.IsSick = false;
                _log.EtcdServesAgain(member.Name);
            }

            return true;
        }

        member.HasFailed();
        member.Silent = verdict.Answered ? SilentTimes : member.Silent + 1;
        if (!member.IsSick && member.Silent >= SilentTimes)
        {
            member.IsSick = true;
            _log.EtcdDoesNotServe(member.Name, verdict.Reason);
        }

        return false;
    }

    private EtcdVerdict TryAsk(EtcdMember member, bool greetOnly)
    {
        EtcdVerdict verdict = new(true, true, "");
        void Ask(Stream stream)
        {
            if (!greetOnly)
            {
                verdict = EtcdProbe.Ask(stream, FrameReader.Preface);
            }
            else
            {
                EtcdProbe.Greet(stream, FrameReader.Preface);
            }
        }

        using Socket? socket = TryConnect(member, static _ => { }, Ask, out string reason);
        return socket is null ? new EtcdVerdict(false, reason == nameof(SocketError.ConnectionRefused), reason) : verdict;
    }

    private Socket? TryConnect(EtcdMember member, Action<Socket> opening, Action<Stream> greet, out string reason)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        long until = Environment.TickCount64 + TimeoutMilliseconds;
        try
        {
            // Blocking calls on a thread of their own; the timer ends what takes too long.
            using Timer patience = new(_ => SocketDefaults.End(socket), null, TimeoutMilliseconds, Timeout.Infinite);
            opening(socket);
            socket.Connect(member.Endpoint.EndPoint);
            SocketDefaults.Apply(socket);
            SocketStream plain = new(socket);
            greet(member.Endpoint.Tls ? _tls.Connect(plain, member.Endpoint) : plain);
            reason = "";
            return socket;
        }
        catch (Exception e)
        {
            // Also what nobody expects: this thread goes on.
            socket.Dispose();
            reason = e switch
            {
                _ when Environment.TickCount64 >= until => "no answer in time",
                SocketException { SocketErrorCode: var code } => code.ToString(),
                _ when RequestFailure.IsFaultOfTls(e) => $"fault of this program: {e.GetType().Name}",
                AuthenticationException => "its certificate is not one of gateway.etcd.ca for its name, or it speaks no TLS",
                NoAuthorityException none => none.Message,
                IOException => "it closed the connection: perhaps it does not accept this gateway's certificate, or asks for one",
                Http2Exception => "it does not speak HTTP/2",
                _ => $"fault of this program: {e.GetType().Name}",
            };
            return null;
        }
    }

    private void Unreachable(EtcdMember member, string reason)
    {
        member.HasFailed();
        if (_failures.TryAcquire(out long suppressed))
        {
            _log.EtcdUnreachable(member.Name, reason, suppressed);
        }
    }
}

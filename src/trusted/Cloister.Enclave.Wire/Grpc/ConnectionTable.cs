using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>How far a connection is. secrets: none.</summary>
internal enum ConnectionState
{
    /// <summary>Accepted; who is there, or what is spoken, is not known yet.</summary>
    Waiting,

    /// <summary>Has shown a key where one is needed, and begun the protocol.</summary>
    Open,

    /// <summary>Told to close, or gone.</summary>
    Closing,
}

/// <summary>
/// Who is connected to one socket, and who gives way when it is full. Two limits: a small one for connections that have not begun, which never
/// push out one that has; and one for those that have, of which idle ones give way, those used longest ago first. One uid does not get all places.
/// Knows neither sockets nor protocols. Thread-safe. secrets: none.
/// </summary>
internal sealed class ConnectionTable
{
    private const int LeastWaiting = 16;
    private const int MostWaiting = 128;

    // A peer whose requests have to be given up again and again is not one that has bad luck.
    private const int MaxLosses = 8;

    private readonly List<Connection> _waiting = [];
    private readonly List<Connection> _open = [];
    private readonly Lock _lock = new();
    private readonly CallCounters _counters;
    private readonly int _maxOpen;
    private readonly int _maxOfOnePeer;
    private readonly int _maxWaiting;
    private readonly int _maxClosing;
    private long _clock;
    private int _closing;
    private long _crowded;

    /// <summary>Makes an empty table.</summary>
    /// <param name="maxOpen">Connections that have begun, at the same time.</param>
    /// <param name="peers">How many uids may connect: with several, one of them gets three quarters at most.</param>
    /// <param name="counters">Where connections that are refused or give way are counted.</param>
    internal ConnectionTable(int maxOpen, int peers, CallCounters counters)
    {
        _counters = counters;
        _maxOpen = maxOpen;
        _maxOfOnePeer = peers > 1 ? maxOpen - (maxOpen / 4) : maxOpen;
        _maxWaiting = MaxWaiting(maxOpen);
        _maxClosing = _maxWaiting;
    }

    /// <summary>How many have not begun, and how many were told to close and have not, at most.</summary>
    internal static int MaxWaiting(int maxOpen) => Math.Clamp(maxOpen / 2, LeastWaiting, MostWaiting);

    /// <summary>How many gave way, or found nobody who did.</summary>
    internal long Crowded => Volatile.Read(ref _crowded);

    /// <summary>So many were told to close and still hold what they held that no more are to be accepted until some are gone.</summary>
    internal bool IsClogged => Volatile.Read(ref _closing) >= _maxClosing;

    /// <summary>Takes a connection in.</summary>
    /// <param name="uid">Its user, or null where nobody says.</param>
    /// <param name="close">Closes it, soon; called at most once, outside of the lock.</param>
    internal Connection Enter(uint? uid, Action close)
    {
        Connection? victim = null;
        Connection entered = new(this, uid, close);
        lock (_lock)
        {
            if (_waiting.Count >= _maxWaiting)
            {
                // The one that has waited longest, of whoever has most.
                uint? greediest = Greediest(_waiting);
                victim = Oldest(_waiting, other => other.Uid == greediest)!;
                Remove(_waiting, victim);
            }

            entered.UsedAt = ++_clock;
            _waiting.Add(entered);
        }

        victim?.Close();
        return entered;
    }

    // It has begun: it takes one of the places that count.
    private bool TryOpen(Connection connection)
    {
        Connection? victim = null;
        lock (_lock)
        {
            if (connection.State != ConnectionState.Waiting)
            {
                return false;
            }

            bool tooMany = _open.Count(other => other.Uid == connection.Uid) >= _maxOfOnePeer;
            if (tooMany || _open.Count >= _maxOpen)
            {
                uint? greediest = tooMany ? connection.Uid : Greediest(_open);
                victim = Oldest(_open, other => other.Calls == 0 && other.Uid == greediest)
                    ?? (tooMany ? null : Oldest(_open, static other => other.Calls == 0));
                if (victim is null)
                {
                    _crowded++;
                    _counters.ConnectionRefused();
                    return false;
                }

                Remove(_open, victim);
            }

            _waiting.Remove(connection);
            connection.State = ConnectionState.Open;
            connection.UsedAt = ++_clock;
            _open.Add(connection);
        }

        victim?.Close();
        return true;
    }

    private void Leave(Connection connection)
    {
        lock (_lock)
        {
            if (connection.State == ConnectionState.Closing)
            {
                _closing--;
            }
            else
            {
                (connection.State == ConnectionState.Waiting ? _waiting : _open).Remove(connection);
                connection.State = ConnectionState.Closing;
            }
        }
    }

    // Its requests were given up too often: it is closed.
    private void Lose(Connection connection)
    {
        lock (_lock)
        {
            if (connection.State != ConnectionState.Open || ++connection.Losses < MaxLosses)
            {
                return;
            }

            Remove(_open, connection);
        }

        connection.Close();
    }

    private void Remove(List<Connection> list, Connection victim)
    {
        list.Remove(victim);
        victim.State = ConnectionState.Closing;
        _closing++;
        _crowded++;
        _counters.ConnectionGaveWay();
    }

    private static uint? Greediest(List<Connection> list)
    {
        Dictionary<uint, int> counts = [];
        uint? most = null;
        int count = 0;
        foreach (Connection connection in list)
        {
            if (connection.Uid is { } uid && (counts[uid] = counts.GetValueOrDefault(uid) + 1) > count)
            {
                (most, count) = (uid, counts[uid]);
            }
        }

        return most;
    }

    private static Connection? Oldest(List<Connection> list, Func<Connection, bool> may)
    {
        Connection? oldest = null;
        foreach (Connection connection in list)
        {
            if (may(connection) && (oldest is null || Before(connection, oldest)))
            {
                oldest = connection;
            }
        }

        return oldest;
    }

    // Those that never made a call go first.
    private static bool Before(Connection one, Connection other) =>
        one.HasCalled == other.HasCalled ? one.UsedAt < other.UsedAt : !one.HasCalled;

    /// <summary>One connection of a table. secrets: none.</summary>
    internal sealed class Connection(ConnectionTable table, uint? uid, Action close)
    {
        internal uint? Uid { get; } = uid;

        internal ConnectionState State { get; set; }

        internal long UsedAt { get; set; }

        internal int Calls { get; private set; }

        internal bool HasCalled { get; private set; }

        /// <summary>It has begun. False when there is no place for it, or it had to give way: it is to be closed.</summary>
        internal bool TryOpen() => table.TryOpen(this);

        /// <summary>A call was received whole: from now on it does not give way.</summary>
        internal void BeginCall()
        {
            lock (table._lock)
            {
                Calls++;
                HasCalled = true;
            }
        }

        /// <summary>The call is answered.</summary>
        internal void EndCall()
        {
            lock (table._lock)
            {
                Calls--;
                UsedAt = ++table._clock;
            }
        }

        internal int Losses { get; set; }

        /// <summary>A request of it was given up: after some, it is closed.</summary>
        internal void Lose() => table.Lose(this);

        /// <summary>It is closed, and holds nothing any more.</summary>
        internal void Leave() => table.Leave(this);

        internal void Close() => close();
    }
}

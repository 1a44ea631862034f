namespace Cloister.Enclave.Gateway.Transport;

/// <summary>Why the gateway closed a connection, or did not take it.</summary>
internal enum ConnectionEnd
{
    /// <summary>Not authenticated, and more came behind it.</summary>
    GaveWayUnauthenticated,

    /// <summary>Not authenticated in time.</summary>
    HandshakeTimeout,

    /// <summary>Authenticated and without a call, or its client had more connections than the one that came.</summary>
    GaveWay,

    /// <summary>Authenticated, and every other is in use.</summary>
    Refused,

    /// <summary>Authenticated, and then no HTTP/2 in time, or a part of something that did not go on.</summary>
    TooSlow,
}

/// <summary>
/// The connections of a gateway. Before a client is authenticated there are few, for a short time, and the oldest gives way to the newest.
/// Afterwards there are as many as configured: when they are used up, one without a call gives way, else one of the client that has the most,
/// so that no client keeps another out. Thread-safe. secrets: none.
/// </summary>
internal sealed class GatewayConnections
{
    private readonly Lock _lock = new();
    private readonly Dictionary<GatewayConnection, Thread> _all = [];
    private readonly LinkedList<GatewayConnection> _handshaking = [];
    private readonly HashSet<GatewayConnection> _serving = [];
    private readonly int _max;
    private readonly int _maxHandshakes;
    private readonly Action<ConnectionEnd> _ended;
    private bool _stopping;

    /// <param name="max">Connections of authenticated clients.</param>
    /// <param name="ended">Told of every one that gave way or was refused.</param>
    internal GatewayConnections(int max, Action<ConnectionEnd> ended)
    {
        _max = max;
        _maxHandshakes = MaxHandshakes(max);
        _ended = ended;
    }

    /// <summary>Handshakes at the same time. With those that are served they are what there is at most, connections that are ending included.</summary>
    internal static int MaxHandshakes(int max) => Math.Clamp(max / 2, 8, 64);

    /// <summary>Whether one more may begin; else it has to wait until another one has ended, which the oldest handshake is told to.</summary>
    internal bool HasRoom()
    {
        lock (_lock)
        {
            bool room = _all.Count < _max + _maxHandshakes;
            bool ending = _all.Count > _handshaking.Count + _serving.Count;
            if (room ? _handshaking.Count >= _maxHandshakes : !ending && _handshaking.Count > 0)
            {
                GatewayConnection oldest = _handshaking.First!.Value;
                _handshaking.RemoveFirst();
                oldest.Abort();
                _ended(ConnectionEnd.GaveWayUnauthenticated);
            }

            return room;
        }
    }

    /// <summary>Everything that is open.</summary>
    internal List<GatewayConnection> Open
    {
        get
        {
            lock (_lock)
            {
                return [.. _all.Keys];
            }
        }
    }

    /// <summary>Lets a connection begin its handshake, on its thread, which is started.</summary>
    /// <returns>False when the gateway stops.</returns>
    internal bool TryBegin(GatewayConnection connection, Thread thread)
    {
        lock (_lock)
        {
            if (_stopping)
            {
                return false;
            }

            // It waits for the lock before it asks for anything here.
            thread.Start();
            _handshaking.AddLast(connection);
            _all.Add(connection, thread);
            return true;
        }
    }

    /// <summary>The client is authenticated.</summary>
    /// <returns>False when it has to go.</returns>
    internal bool TryServe(GatewayConnection connection)
    {
        lock (_lock)
        {
            // Not there: it gave way meanwhile.
            if (_stopping || !_handshaking.Remove(connection))
            {
                return false;
            }

            if (_serving.Count >= _max)
            {
                if (Victim(connection.Client) is not { } victim)
                {
                    _ended(ConnectionEnd.Refused);
                    return false;
                }

                _serving.Remove(victim);
                victim.Abort();
                _ended(ConnectionEnd.GaveWay);
            }

            _serving.Add(connection);
            return true;
        }
    }

    internal void Remove(GatewayConnection connection)
    {
        lock (_lock)
        {
            _handshaking.Remove(connection);
            _serving.Remove(connection);
            _all.Remove(connection);
        }
    }

    /// <summary>Takes no more.</summary>
    internal List<KeyValuePair<GatewayConnection, Thread>> Stop()
    {
        lock (_lock)
        {
            _stopping = true;
            return [.. _all];
        }
    }

    // Never one of a client that has fewer than the one that came, unless it does nothing.
    private GatewayConnection? Victim(string client)
    {
        GatewayConnection? idle = _serving.Where(connection => !connection.HasCalls).MinBy(connection => connection.LastRead);
        if (idle is not null)
        {
            return idle;
        }

        IGrouping<string, GatewayConnection> most = _serving.GroupBy(connection => connection.Client, StringComparer.Ordinal).MaxBy(group => group.Count())!;
        int own = _serving.Count(connection => connection.Client == client);
        return most.Key != client && most.Count() > own + 1 ? most.MinBy(connection => connection.LastRead) : null;
    }
}

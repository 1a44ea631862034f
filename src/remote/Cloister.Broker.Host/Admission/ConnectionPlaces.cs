using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Cloister.Broker.Host.Admission;

/// <summary>
/// The connections of a listener: so many, and a quarter of them for one source. When all places are taken, the connection gives way that has been idle
/// longest and on which no token of a lease was shown; so connections that do nothing keep nobody out. Thread-safe; every step takes the same time, however
/// many there are.
/// </summary>
/// <param name="most">How many there may be.</param>
internal sealed class ConnectionPlaces(int most)
{
    private const int Most = 65_536;
    private const int LeastOfOneSource = 64;

    // For the other listener, database, key stores, collateral and files.
    private const int Reserve = 1024;

    private readonly int _mostOfOneSource = Math.Max(LeastOfOneSource, most / 4);
    private readonly Lock _lock = new();
    private readonly Dictionary<string, PlacesOfSource> _sources = new(StringComparer.Ordinal);
    private readonly LinkedList<Place> _idle = new(); // of strangers; idle longest first
    private int _count;

    /// <summary>As many as fit under the limit of open files of this process (LimitNOFILE), a quarter of it or 1024 left for everything else.</summary>
    public static int MostFor(int? configured)
    {
        long files = OpenFiles();
        int fitting = (int)Math.Min(Most, files - Math.Min(Reserve, files / 4));
        return Math.Min(configured ?? fitting, fitting);
    }

    /// <summary>Makes a listener ask for places, before TLS.</summary>
    public void Use(ListenOptions listen) => listen.Use(next => async connection =>
    {
        Place place = new(this, connection, Source.Of((connection.RemoteEndPoint as IPEndPoint)?.Address));
        if (!TryEnter(place))
        {
            connection.Abort(new ConnectionAbortedException("too many connections"));
            return;
        }

        try
        {
            connection.Items[typeof(Place)] = place;
            await next(connection);
        }
        finally
        {
            Leave(place);
        }
    });

    /// <summary>The place of a request's connection; null where the listener has none.</summary>
    public static Place? Of(HttpContext http) =>
        http.Features.Get<IConnectionItemsFeature>()?.Items.TryGetValue(typeof(Place), out object? place) == true ? (Place?)place : null;

    private static long OpenFiles()
    {
        string? line = File.ReadLines("/proc/self/limits").FirstOrDefault(one => one.StartsWith("Max open files", StringComparison.Ordinal));
        return long.TryParse(line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], NumberStyles.None, CultureInfo.InvariantCulture, out long soft) ? soft : Most;
    }

    private bool TryEnter(Place place)
    {
        Place? evicted = null;
        lock (_lock)
        {
            if (!_sources.TryGetValue(place.Source, out PlacesOfSource? own))
            {
                _sources.Add(place.Source, own = new PlacesOfSource());
            }

            // Who has his share makes room among his own.
            bool isFull = own.Count >= _mostOfOneSource;
            if (isFull || _count >= most)
            {
                evicted = (isFull ? own.Idle : _idle).First?.Value;
                if (evicted is null)
                {
                    ForgetIfEmpty(place.Source, own);
                    return false;
                }

                Remove(evicted);
                _sources[place.Source] = own; // the one that gave way may have been its last
            }

            _count++;
            own.Count++;
            SetIdle(place, isIdle: true);
        }

        evicted?.Connection.Abort(new ConnectionAbortedException("gave way to another connection"));
        return true;
    }

    private void Leave(Place place)
    {
        lock (_lock)
        {
            Remove(place);
        }
    }

    private void Remove(Place place)
    {
        if (place.IsGone)
        {
            return;
        }

        SetIdle(place, isIdle: false);
        place.IsGone = true;
        _count--;
        PlacesOfSource own = _sources[place.Source];
        own.Count--;
        ForgetIfEmpty(place.Source, own);
    }

    private void ForgetIfEmpty(string source, PlacesOfSource own)
    {
        if (own.Count == 0)
        {
            _sources.Remove(source);
        }
    }

    private void SetIdle(Place place, bool isIdle)
    {
        if (place.IsGone)
        {
            return;
        }

        LinkedList<Place> own = _sources[place.Source].Idle;
        if (place.Idle is { } nodes)
        {
            _idle.Remove(nodes.OfAll);
            own.Remove(nodes.OfSource);
            place.Idle = null;
        }

        if (isIdle && !place.IsKnown)
        {
            place.Idle = (_idle.AddLast(place), own.AddLast(place));
        }
    }

    /// <summary>What one source has.</summary>
    private sealed class PlacesOfSource
    {
        public int Count { get; set; }

        public LinkedList<Place> Idle { get; } = new();
    }

    /// <summary>A connection.</summary>
    internal sealed class Place(ConnectionPlaces places, ConnectionContext connection, string source)
    {
        private int _requests;

        public ConnectionContext Connection => connection;

        public string Source => source;

        /// <summary>Where it stands among the idle ones; null while it is in use, or known.</summary>
        public (LinkedListNode<Place> OfAll, LinkedListNode<Place> OfSource)? Idle { get; set; }

        public bool IsGone { get; set; }

        /// <summary>Whether the token of a lease was shown on it.</summary>
        public bool IsKnown { get; private set; }

        /// <summary>A request begins.</summary>
        public void Begin()
        {
            lock (places._lock)
            {
                _requests++;
                places.SetIdle(this, isIdle: false);
            }
        }

        /// <summary>A request has ended.</summary>
        public void End()
        {
            lock (places._lock)
            {
                places.SetIdle(this, isIdle: --_requests == 0);
            }
        }

        /// <summary>The token of a lease was shown: it gives way to nobody.</summary>
        public void MarkKnown()
        {
            lock (places._lock)
            {
                IsKnown = true;
            }
        }
    }
}

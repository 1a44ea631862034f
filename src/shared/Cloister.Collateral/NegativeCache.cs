namespace Cloister.Collateral;

/// <summary>
/// Failures that need not be asked for again for a while. Bounded in number and time: what somebody made up does not stay. Thread-safe.
/// </summary>
internal sealed class NegativeCache<TKey>(int maximum)
    where TKey : notnull
{
    private readonly Dictionary<TKey, (CollateralException Failure, DateTimeOffset At, DateTimeOffset Until)> _failures = [];
    private readonly Lock _lock = new();

    /// <summary>The failure that still counts, or null.</summary>
    public CollateralException? Find(TKey key, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (!_failures.TryGetValue(key, out (CollateralException Failure, DateTimeOffset At, DateTimeOffset Until) known))
            {
                return null;
            }

            if (now >= known.At && now < known.Until)
            {
                return new CollateralException(known.Failure.Code, known.Failure.Message);
            }

            _failures.Remove(key);
            return null;
        }
    }

    /// <summary>Remembers a failure; when there are too many, first those that count no more go, then any.</summary>
    public void Add(TKey key, CollateralException failure, DateTimeOffset now, TimeSpan length)
    {
        lock (_lock)
        {
            if (_failures.Count >= maximum)
            {
                foreach (TKey old in _failures.Where(one => one.Value.Until <= now).Select(one => one.Key).ToArray())
                {
                    _failures.Remove(old);
                }

                if (_failures.Count >= maximum)
                {
                    _failures.Clear();
                }
            }

            _failures[key] = (failure, now, now + length);
        }
    }

    /// <summary>Forgets a failure: it is had now.</summary>
    public void Remove(TKey key)
    {
        lock (_lock)
        {
            _failures.Remove(key);
        }
    }
}

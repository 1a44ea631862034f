using System.Collections.Concurrent;
using Cloister.Attestation.Collateral;

namespace Cloister.Collateral;

/// <summary>The highest tcbEvaluationDataNumber seen for each platform model. It only rises.</summary>
public sealed class TcbEvaluationFloor
{
    private readonly ConcurrentDictionary<DcapCollateralKey, int> _floors = new();

    /// <summary>Nothing was seen.</summary>
    public TcbEvaluationFloor()
        : this([])
    {
    }

    /// <summary>Numbers seen before, from <see cref="All"/>.</summary>
    public TcbEvaluationFloor(IEnumerable<KeyValuePair<DcapCollateralKey, int>> seen)
    {
        ArgumentNullException.ThrowIfNull(seen);
        foreach ((DcapCollateralKey key, int number) in seen)
        {
            Raise(key, number);
        }
    }

    /// <summary>All numbers, to be kept over restarts.</summary>
    public IReadOnlyCollection<KeyValuePair<DcapCollateralKey, int>> All => [.. _floors];

    /// <summary>The highest number seen for <paramref name="key"/>; 0 for none.</summary>
    public int For(DcapCollateralKey key) => _floors.GetValueOrDefault(key);

    /// <summary>Raises the number for <paramref name="key"/>; a lower one changes nothing.</summary>
    public void Raise(DcapCollateralKey key, int number) => _floors.AddOrUpdate(key, number, (_, seen) => Math.Max(seen, number));
}

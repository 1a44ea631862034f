using System.Collections.Concurrent;
using Cloister.Attestation.Collateral;

namespace Cloister.Collateral;

/// <summary>Numbers of Intel's evaluations, which TCB info and QE identity have each.</summary>
/// <param name="TcbInfo">tcbEvaluationDataNumber of TCB info.</param>
/// <param name="QeIdentity">tcbEvaluationDataNumber of the QE identity.</param>
public readonly record struct TcbEvaluationNumbers(int TcbInfo, int QeIdentity)
{
    /// <summary>Whether one of them is lower than the other's.</summary>
    public bool AreBelow(TcbEvaluationNumbers other) => TcbInfo < other.TcbInfo || QeIdentity < other.QeIdentity;
}

/// <summary>The highest numbers seen for each platform model. They only rise. Thread-safe.</summary>
public interface ITcbEvaluationFloor
{
    /// <summary>Raises the numbers for a model, and keeps them before it returns. When one is lower than what was seen, nothing changes.</summary>
    /// <param name="key">The model.</param>
    /// <param name="numbers">Of collateral that was verified.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <returns>The highest numbers seen, these included.</returns>
    /// <exception cref="CollateralException">What was seen cannot be read, or not be kept.</exception>
    Task<TcbEvaluationNumbers> RaiseAsync(DcapCollateralKey key, TcbEvaluationNumbers numbers, CancellationToken cancellationToken);
}

/// <summary>The floor of one process: gone when it ends.</summary>
public sealed class TcbEvaluationFloor : ITcbEvaluationFloor
{
    private readonly ConcurrentDictionary<DcapCollateralKey, TcbEvaluationNumbers> _floors = new();

    /// <inheritdoc />
    public Task<TcbEvaluationNumbers> RaiseAsync(DcapCollateralKey key, TcbEvaluationNumbers numbers, CancellationToken cancellationToken) =>
        Task.FromResult(_floors.AddOrUpdate(key, numbers, (_, seen) => numbers.AreBelow(seen) ? seen : numbers));
}

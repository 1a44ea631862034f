using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Broker.State;
using Cloister.Broker.State.Collateral;
using Cloister.Collateral;

namespace Cloister.Broker.Host.Hosting;

/// <summary>The floor of a root's collateral in the broker's database: what any broker of it saw counts for all, also after a start. Thread-safe.</summary>
internal sealed class StoredTcbFloor(ITcbFloors floors, Certificate root) : ITcbEvaluationFloor
{
    private readonly string _root = Convert.ToHexStringLower(root.Sha256.Span);

    /// <inheritdoc />
    public async Task<TcbEvaluationNumbers> RaiseAsync(DcapCollateralKey key, TcbEvaluationNumbers numbers, CancellationToken cancellationToken)
    {
        try
        {
            TcbFloor kept = await floors.RaiseTcbFloorAsync(
                new TcbFloor($"{_root}/{TeeNames.NameOf(key.Tee)}/{key.Fmspc}", numbers.TcbInfo, numbers.QeIdentity), cancellationToken);
            return new TcbEvaluationNumbers(kept.TcbInfo, kept.QeIdentity);
        }
        catch (BrokerStateException e)
        {
            throw new CollateralException("floor", $"which collateral was seen before cannot be told: {e.Message}", e);
        }
    }
}

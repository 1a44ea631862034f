using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Broker.Tests;
using Cloister.Collateral;
using Cloister.Simulator.Dcap;

namespace Cloister.Broker.Administration.Tests.Http;

/// <summary>Collateral of an enclave's platform, as a test changes it.</summary>
internal sealed class ScriptedCollateral(SimulatedEnclave enclave) : IDcapCollateralSource
{
    /// <summary>What is different; null: there is none.</summary>
    public Func<DcapCollateralRequest, DcapCollateralRequest>? Change { get; set; }

    public Task<DcapCollateral> GetAsync(DcapCollateralKey key, CancellationToken cancellationToken) => Change is { } change
        ? Task.FromResult(enclave.NewCollateral(change))
        : throw new CollateralException("http_status", "there is none");
}

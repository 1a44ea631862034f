using Cloister.Attestation.Collateral;
using Cloister.Attestation.Policies;
using Cloister.Cli.Brokers;
using Cloister.Cli.Enclaves;
using Cloister.Cli.Operators;
using Cloister.Contracts.EnclaveAdmin;
using Grpc.Net.Client;

namespace Cloister.Cli.Provision;

/// <summary>Provisions a simulated enclave of custody manual as an operator does who knows its vendor, measurement and configuration.</summary>
internal static class SimulatedProvisioning
{
    /// <summary>Gives it version 1 of a KEK. secrets: the KEK, wiped afterwards.</summary>
    /// <param name="enclave">The enclave; its options named its own vendor.</param>
    /// <param name="options">What it was started with.</param>
    /// <param name="name">Name of the KEK.</param>
    /// <param name="kek">32 bytes.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="RefusedEnclaveException">It is not that enclave.</exception>
    internal static async Task<(KekInfo Kek, AppraisedEnclave Enclave)> RunAsync(
        SimulatedEnclave enclave, SimulatedEnclaveOptions options, string name, byte[] kek, CancellationToken cancellation)
    {
        SimulatedEnclaveFiles files = enclave.Files;
        PolicyReadResult policy = AppraisalPolicyReader.Read(DevelopmentPolicy.AppraisalText(name, options.Measurement));
        ProvisioningTerms terms = new(
            policy.Policy ?? throw new CliException($"the policy of simulated enclaves is none: {string.Join(", ", policy.Errors)}"),
            [.. CollateralDirectory.ReadRoots(files.Vendor.Root)],
            files.Vendor.Collateral,
            files.ConfigurationDigest(options),
            name,
            Version: 1,
            Inactive: false);
        using GrpcChannel channel = EnclaveChannel.Open(files.AdminSocket);
        using OperatorKey key = OperatorKey.Read(files.OperatorKey);
        return await EnclaveProvisioning.RunAsync(new Admin.AdminClient(channel), terms, key, () => kek, cancellation);
    }
}

using Cloister.AdminApi;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Collateral;

namespace Cloister.Cli.Collateral;

/// <summary>Reads what is in a directory, and verifies it.</summary>
internal static class CollateralListing
{
    internal static (CollateralStatus Status, IReadOnlyList<CollateralFailure> Failures) Read(string directory, TrustAnchors anchors, DateTimeOffset now)
    {
        if (!Directory.Exists(directory))
        {
            throw new CliException($"there is no directory '{directory}'");
        }

        List<CollateralEntry> entries = [];
        List<CollateralFailure> failures = [];
        foreach (string path in Directory.GetDirectories(directory).Where(path => DirectoryCollateralSource.ModelOf(Path.GetFileName(path)) is not null).Order(StringComparer.Ordinal))
        {
            Add(path, Path.GetFileName(path), early: false);
            string early = Path.Combine(path, DirectoryCollateralSource.EarlyName);
            if (Directory.Exists(early))
            {
                Add(early, Path.GetFileName(path), early: true);
            }
        }

        foreach ((string model, CollateralItem item) in new DirectorySnpSource(directory).Items)
        {
            entries.Add(Entry(model, false, directory, item));
        }

        return (CollateralStatus.Of(now, entries), failures);

        void Add(string path, string model, bool early)
        {
            try
            {
                VerifiedDcapCollateral? verified = DcapVerifier.VerifyCollateral(CollateralDirectory.ReadDcap(path), anchors, VerificationTime.At(now), out StepFailure? failure);
                entries.AddRange((verified?.Items ?? []).Select(item => Entry(model, early, directory, item)));
                if (failure is not null)
                {
                    failures.Add(new CollateralFailure(model, early, failure.ToString()));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or Attestation.Abi.EvidenceFormatException)
            {
                failures.Add(new CollateralFailure(model, early, e.Message));
            }
        }
    }

    internal static CollateralEntry Entry(string model, bool early, string source, CollateralItem item) =>
        new(model, item.Name, early, source, item.IssuedAt, item.EndsAt, item.TcbEvaluationDataNumber);
}

using Cloister.AdminApi;
using Cloister.Attestation;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Collateral;

namespace Cloister.Cli.Collateral;

/// <summary>Reads what is in a directory, and verifies it. A directory without any is an error: it is another than the broker's, or the broker has none.</summary>
internal static class CollateralListing
{
    // What is in the directory itself counts for every model that has no directory of its own there.
    private const string OtherModels = "others";

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
            AddBoth(path, Path.GetFileName(path));
        }

        if (File.Exists(Path.Combine(directory, "tcb_info.json")))
        {
            AddBoth(directory, OtherModels);
        }

        foreach ((string model, CollateralItem item) in new DirectorySnpSource(directory).Items)
        {
            entries.Add(Entry(model, false, directory, item));
        }

        return entries.Count + failures.Count > 0
            ? (CollateralStatus.Of(now, entries), failures)
            : throw new CliException($"there is no collateral in '{directory}': 'cloister collateral fetch' puts it there");

        void AddBoth(string path, string model)
        {
            Add(path, model, early: false);
            string early = Path.Combine(path, DirectoryCollateralSource.EarlyName);
            if (Directory.Exists(early))
            {
                Add(early, model, early: true);
            }
        }

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

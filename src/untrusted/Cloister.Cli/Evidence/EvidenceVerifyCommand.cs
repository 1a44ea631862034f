using System.CommandLine;
using System.Globalization;
using Cloister.Attestation;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Azure;
using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;
using Cloister.Attestation.Forms;
using Cloister.Attestation.Policies;
using Cloister.Attestation.Verify;
using Cloister.Attestation.Verify.Dcap;
using Cloister.Attestation.Verify.Nitro;
using Cloister.Attestation.Verify.Snp;
using Cloister.Cli.Output;

namespace Cloister.Cli.Evidence;

/// <summary><c>cloister evidence verify</c>: is it authentic, and with a policy, is it acceptable.</summary>
internal static class EvidenceVerifyCommand
{
    internal static Command Create()
    {
        Option<string> tee = new("--tee") { Description = EvidenceCommand.Kinds, Required = true };
        tee.AcceptOnlyFromAmong(EvidenceCommand.KindNames);
        Option<string> evidence = new("--evidence") { Description = "the quote, report or document", Required = true };
        Option<string> collateral = new("--collateral") { Description = "directory, or one file, with the vendor's collateral: tcb_info.json and so on; vcek.der or vlek.der, ca_chain.pem; or what other tools keep (docs/attestation.md)" };
        Option<string[]> roots = new("--root") { Description = "root certificate to trust instead of the vendor's, DER or PEM; may be repeated" };
        Option<string> at = new("--at") { Description = "moment at which everything must be valid, RFC 3339; now when left out" };
        Option<string> policy = new("--policy") { Description = "appraisal policy, YAML" };
        Option<OutputFormat> output = CliOutput.Option();
        Command command = new("verify", "Verify evidence: exit 0 when it is authentic and, with --policy, acceptable; 2 when not.") { tee, evidence, collateral, roots, at, policy, output };
        command.SetAction(parsed =>
        {
            Tee kind = TeeNames.TryParse(parsed.GetValue(tee), out Tee named) ? named : throw new CliException($"--tee is {EvidenceCommand.Kinds}");
            AppraisalPolicy? stated = parsed.GetValue(policy) is { } file ? ReadPolicy(file) : null;
            TrustAnchors anchors = ReadRoots(kind, parsed.GetValue(roots) ?? []);
            VerificationTime time = ParseTime(parsed.GetValue(at));
            VerificationResult result = VerifyForm(kind, EvidenceFiles.Read(parsed.GetValue(evidence)!), parsed.GetValue(collateral), anchors, time);
            AppraisalResult? appraisal = stated is null ? null : Appraiser.Appraise(result, stated);
            EvidenceVerdict.Print(result, appraisal, parsed.GetValue(output));
            return result.IsAuthentic && appraisal?.IsAccepted != false ? ExitCode.Done : ExitCode.No;
        });
        return command;
    }

    private static VerificationResult VerifyForm(Tee tee, byte[] file, string? collateral, TrustAnchors anchors, VerificationTime time)
    {
        string step = "evidence_form";
        try
        {
            EvidenceInput input = EvidenceForms.Read(file, tee);
            step = "parse_collateral";
            return Verify(tee, input.Bytes, input.Endorsements, collateral, anchors, time);
        }
        catch (EvidenceFormatException e)
        {
            return VerificationResult.NotAuthentic(tee, e.ToFailure(step));
        }
    }

    private static VerificationResult Verify(Tee tee, ReadOnlyMemory<byte> evidence, SnpCollateral beside, string? directory, TrustAnchors anchors, VerificationTime time)
    {
        switch (tee)
        {
            case Tee.Nitro:
                return NitroVerifier.Verify(evidence, anchors, time);
            case Tee.Snp or Tee.AzureSnp:
                try
                {
                    SnpCollateral collateral = directory is null ? beside : EvidenceFiles.Reading(() => CollateralDirectory.ReadSnp(directory));
                    collateral = collateral.EndorsementKeys.Count > 0 ? collateral
                        : new SnpCollateral { EndorsementKeys = beside.EndorsementKeys, Authorities = collateral.Authorities, RevocationLists = collateral.RevocationLists };
                    return tee == Tee.Snp ? SnpVerifier.Verify(evidence, collateral, anchors, time) : AzureVerifier.VerifySnp(evidence, collateral, anchors, time);
                }
                catch (EvidenceFormatException e)
                {
                    return VerificationResult.NotAuthentic(tee, e.ToFailure("parse_collateral"));
                }

            default:
                string needed = directory ?? throw new CliException($"{TeeNames.NameOf(tee)} evidence needs --collateral DIR");
                DcapCollateral dcap = EvidenceFiles.Reading(() => CollateralDirectory.ReadDcap(needed));
                return tee == Tee.AzureTdx ? AzureVerifier.VerifyTdx(evidence, dcap, anchors, time) : DcapVerifier.Verify(tee, evidence, dcap, anchors, time);
        }
    }

    internal static AppraisalPolicy ReadPolicy(string file)
    {
        PolicyReadResult read = AppraisalPolicyReader.Read(EvidenceFiles.Reading(() => File.ReadAllText(file)));
        return read.Policy ?? throw new CliException($"'{file}' is no appraisal policy:\n{string.Join('\n', read.Errors.Select(e => $"  {e}"))}");
    }

    private static TrustAnchors ReadRoots(Tee tee, string[] files)
    {
        if (files.Length == 0)
        {
            return TrustAnchors.ForVendorOf(tee);
        }

        try
        {
            return TrustAnchors.Of(files.SelectMany(file => EvidenceFiles.Reading(() => CollateralDirectory.ReadRoots(file))));
        }
        catch (EvidenceFormatException e)
        {
            throw new CliException($"--root: {e.Message}");
        }
    }

    internal static VerificationTime ParseTime(string? text)
    {
        if (text is null)
        {
            return VerificationTime.At(DateTimeOffset.UtcNow);
        }

        string[] formats = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK", "yyyy-MM-dd"];
        return DateTimeOffset.TryParseExact(text, formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset moment)
            ? VerificationTime.At(moment)
            : throw new CliException($"--at: '{text}' is no moment like 2025-06-19T10:56:11Z");
    }
}

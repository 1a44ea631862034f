using System.Text.Json.Nodes;
using Cloister.Attestation;
using Cloister.Attestation.Appraise;
using Cloister.Attestation.Claims;
using Cloister.Attestation.Verify;
using Cloister.Cli.Output;

namespace Cloister.Cli.Evidence;

/// <summary>Prints the verdict on a piece of evidence.</summary>
internal static class EvidenceVerdict
{
    internal static void Print(VerificationResult result, AppraisalResult? appraisal, OutputFormat output)
    {
        if (output == OutputFormat.Json)
        {
            CliOutput.Json(Json(result, appraisal));
            return;
        }

        EvidenceClaims? claims = result.UnappraisedClaims;
        List<IReadOnlyList<string>> rows =
        [
            ["TEE", TeeNames.NameOf(result.Tee)],
            ["authentic", result.IsAuthentic ? "yes" : "NO"],
            ["accepted", appraisal is null ? "no policy was given" : appraisal.IsAccepted ? $"yes, by {appraisal.Evidence.PolicyName}" : "NO"],
        ];
        rows.AddRange(Failures(result, appraisal).Select(f => (IReadOnlyList<string>)["why not", f.ToString()]));
        if (claims is not null)
        {
            rows.Add(["debug", claims.Debug ? "YES" : "no"]);
            rows.Add(["TCB status", claims.TcbStatus?.ToString() ?? "-"]);
            rows.Add(["TCB date", claims.TcbDate is { } date ? EvidenceJson.Moment(date) : "-"]);
            rows.Add(["advisories", claims.AdvisoryIds.Count > 0 ? string.Join(", ", claims.AdvisoryIds) : "-"]);
            rows.AddRange(claims.All.Select(c => (IReadOnlyList<string>)[c.Key, c.Value.ToString()]));
        }

        if (appraisal?.Waived.Count > 0)
        {
            rows.Add(["waived", string.Join(", ", appraisal.Waived)]);
        }

        CliOutput.Table(["", ""], rows);
    }

    private static JsonObject Json(VerificationResult result, AppraisalResult? appraisal)
    {
        EvidenceClaims? claims = result.UnappraisedClaims;
        IReadOnlyList<StepFailure> failures = Failures(result, appraisal);
        return new JsonObject
        {
            ["verified"] = result.IsAuthentic,
            ["accepted"] = appraisal is null ? null : JsonValue.Create(appraisal.IsAccepted),
            ["failure"] = failures.Count > 0 ? Json(failures[0]) : null,
            ["tee"] = TeeNames.NameOf(result.Tee),
            ["tcbStatus"] = claims?.TcbStatus?.ToString(),
            ["advisoryIds"] = EvidenceJson.Of(claims?.AdvisoryIds ?? []),
            ["debug"] = claims?.Debug ?? false,
            ["tcbDate"] = claims?.TcbDate is { } date ? EvidenceJson.Moment(date) : null,
            ["claims"] = claims is null ? [] : EvidenceJson.Of(claims.All),
            ["waived"] = EvidenceJson.Of(appraisal?.Waived ?? []),
            ["failures"] = new JsonArray([.. failures.Select(f => (JsonNode)Json(f))]),
        };
    }

    private static JsonObject Json(StepFailure failure) => new() { ["step"] = failure.Step, ["code"] = failure.Code, ["detail"] = failure.Detail };

    private static IReadOnlyList<StepFailure> Failures(VerificationResult result, AppraisalResult? appraisal) =>
        appraisal?.Failures ?? (result.IsAuthentic ? [] : [result.Failure]);
}

using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Appraise.Rules;

/// <summary>
/// Firmware: reported &lt;= committed &lt;= current in every component, committed equal to current unless provisional firmware is allowed, and at least a minimum version of both.
/// </summary>
/// <param name="minimumVersion">Lowest acceptable <c>major.minor.build</c>; null for none.</param>
/// <param name="allowProvisional">Whether firmware may run that can still be rolled back.</param>
public sealed class SnpFirmwareRule(Version? minimumVersion, bool allowProvisional) : AppraisalRule("firmware")
{
    private static readonly string[] Components = ["fmc", "bootloader", "tee", "snp", "microcode"];

    /// <inheritdoc />
    public override StepFailure? Check(EvidenceClaims claims, Expectations expectations)
    {
        ArgumentNullException.ThrowIfNull(claims);
        foreach (string component in Components)
        {
            if (!claims.All.TryGet(ClaimNames.ReportedTcbPrefix + component, out ClaimValue? reported)
                || !claims.All.TryGet(ClaimNames.CommittedTcbPrefix + component, out ClaimValue? committed)
                || !claims.All.TryGet(ClaimNames.CurrentTcbPrefix + component, out ClaimValue? current))
            {
                if (component == "fmc")
                {
                    continue;
                }

                return NoClaim(component);
            }

            if (reported.Number > committed.Number || committed.Number > current.Number)
            {
                return Fail("wrong_order", $"{component}: reported {reported.Number}, committed {committed.Number}, current {current.Number} are not in order");
            }

            if (!allowProvisional && committed.Number != current.Number)
            {
                return Fail("provisional", $"{component}: current {current.Number} is not committed ({committed.Number})");
            }
        }

        return CheckVersions(claims);
    }

    private StepFailure? CheckVersions(EvidenceClaims claims)
    {
        Version? current = VersionOf(claims, ClaimNames.CurrentVersion);
        Version? committed = VersionOf(claims, ClaimNames.CommittedVersion);
        if (current is null || committed is null)
        {
            return NoClaim(ClaimNames.CurrentVersion);
        }

        return committed > current ? Fail("wrong_order", $"committed version {committed} is above the current {current}")
            : !allowProvisional && committed != current ? Fail("provisional", $"version {current} is not committed ({committed})")
            : minimumVersion is not null && committed < minimumVersion ? Fail("too_low", $"firmware {committed}, at least {minimumVersion} is wanted")
            : null;
    }

    private static Version? VersionOf(EvidenceClaims claims, string name) =>
        claims.All.TryGet(name, out ClaimValue? value) && Version.TryParse(value.Text, out Version? version) ? version : null;
}

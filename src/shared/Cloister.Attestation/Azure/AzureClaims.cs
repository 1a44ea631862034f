using System.Globalization;
using System.Security.Cryptography;
using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Azure;

/// <summary>
/// What authentic evidence of a confidential VM of Azure says: the hardware's claims, which are about the paravisor, and what the paravisor and its vTPM say of the guest.
/// Whoever relies on the latter relies on the paravisor that the hardware measured.
/// </summary>
public sealed class AzureClaims : EvidenceClaims
{
    internal AzureClaims(AzureEvidence evidence, EvidenceClaims hardware)
    {
        Evidence = evidence;
        Hardware = hardware;
    }

    /// <inheritdoc />
    public override Tee Tee => Evidence.Tee;

    /// <summary>The evidence.</summary>
    public AzureEvidence Evidence { get; }

    /// <summary>What the hardware says: <see cref="SnpClaims"/> or <see cref="TdxClaims"/>.</summary>
    public EvidenceClaims Hardware { get; }

    /// <inheritdoc />
    public override bool Debug => Hardware.Debug;

    /// <inheritdoc />
    public override TcbStatus? TcbStatus => Hardware.TcbStatus;

    /// <inheritdoc />
    public override IReadOnlyList<string> AdvisoryIds => Hardware.AdvisoryIds;

    /// <inheritdoc />
    public override DateTimeOffset? TcbDate => Hardware.TcbDate;

    /// <inheritdoc />
    public override IReadOnlyList<(string Part, DateTimeOffset Date)> TcbDates => Hardware.TcbDates;

    /// <inheritdoc />
    protected override void Describe(ClaimSet claims)
    {
        ArgumentNullException.ThrowIfNull(claims);
        Copy(Hardware.All, claims);
        DescribeGuest(Evidence, claims);
    }

    /// <summary>What paravisor and vTPM say.</summary>
    internal static void DescribeGuest(AzureEvidence evidence, ClaimSet claims)
    {
        claims.Add("evidence_version", (ulong)evidence.Version);
        claims.Add("hcl_version", evidence.Hcl.Version);
        Copy(evidence.RuntimeData.Configuration, claims);
        if (evidence.RuntimeData.UserData is { } userData)
        {
            claims.Add(ClaimNames.UserData, userData);
        }

        using (RSA key = RSA.Create(evidence.RuntimeData.AttestationKey))
        {
            claims.Add("attestation_key_sha256", SHA256.HashData(key.ExportSubjectPublicKeyInfo()));
        }

        claims.Add(ClaimNames.QualifyingData, evidence.Quote.QualifyingData);
        claims.Add("tpm_clock", evidence.Quote.Clock);
        claims.Add("tpm_reset_count", evidence.Quote.ResetCount);
        claims.Add("tpm_restart_count", evidence.Quote.RestartCount);
        claims.Add("tpm_firmware_version", evidence.Quote.FirmwareVersion);
        for (int i = 0; i < evidence.Registers.Count; i++)
        {
            claims.Add(ClaimNames.PcrPrefix + evidence.Quote.Registers[i].ToString(CultureInfo.InvariantCulture), evidence.Registers[i]);
        }
    }

    private static void Copy(ClaimSet from, ClaimSet to)
    {
        foreach ((string name, ClaimValue value) in from)
        {
            to.Add(name, value);
        }
    }
}

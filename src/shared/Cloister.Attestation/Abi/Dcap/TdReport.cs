namespace Cloister.Attestation.Abi.Dcap;

/// <summary>A TD report body: version 1.0 of 584 bytes or 1.5 of 648 bytes (Intel TDX DCAP Quote Generation Library Reference, A.3.2 and A.3.3).</summary>
public sealed class TdReport
{
    /// <summary>Length of version 1.0.</summary>
    public const int Length10 = 584;

    /// <summary>Length of version 1.5.</summary>
    public const int Length15 = 648;

    internal TdReport(ReadOnlyMemory<byte> body)
    {
        Body = body.Length is Length10 or Length15 ? body : throw new ArgumentException("A TD report has 584 or 648 bytes.", nameof(body));
    }

    /// <summary>All bytes.</summary>
    public ReadOnlyMemory<byte> Body { get; }

    /// <summary>Whether it is version 1.5.</summary>
    public bool IsVersion15 => Body.Length == Length15;

    /// <summary>Security versions: [0] module, [1] major version of the module, [2] SEAM loader; 16 bytes.</summary>
    public ReadOnlyMemory<byte> TeeTcbSvn => Body[..16];

    /// <summary>Measurement of the TDX module, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrSeam => Body.Slice(16, 48);

    /// <summary>Signer of the TDX module, 48 bytes; zero for Intel's.</summary>
    public ReadOnlyMemory<byte> MrSignerSeam => Body.Slice(64, 48);

    /// <summary>Attributes of the TDX module, 8 bytes.</summary>
    public ReadOnlyMemory<byte> SeamAttributes => Body.Slice(112, 8);

    /// <summary>Attributes of the trust domain, 8 bytes.</summary>
    public ReadOnlyMemory<byte> TdAttributes => Body.Slice(120, 8);

    /// <summary>Whether the trust domain can be looked into: any bit of TDATTRIBUTES.TUD (bits 7:0).</summary>
    public bool IsDebug => Body.Span[120] != 0;

    /// <summary>Extended features, 8 bytes.</summary>
    public ReadOnlyMemory<byte> Xfam => Body.Slice(128, 8);

    /// <summary>Measurement of the initial contents, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrTd => Body.Slice(136, 48);

    /// <summary>Configuration identity, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrConfigId => Body.Slice(184, 48);

    /// <summary>Owner, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrOwner => Body.Slice(232, 48);

    /// <summary>The owner's configuration, 48 bytes.</summary>
    public ReadOnlyMemory<byte> MrOwnerConfig => Body.Slice(280, 48);

    /// <summary>What the trust domain chose to say, 64 bytes.</summary>
    public ReadOnlyMemory<byte> ReportData => Body.Slice(520, 64);

    /// <summary>Security versions as they are now, 16 bytes; empty in version 1.0.</summary>
    public ReadOnlyMemory<byte> TeeTcbSvn2 => IsVersion15 ? Body.Slice(584, 16) : default;

    /// <summary>Measurement of bound service trust domains, 48 bytes; empty in version 1.0.</summary>
    public ReadOnlyMemory<byte> MrServiceTd => IsVersion15 ? Body.Slice(600, 48) : default;

    /// <summary>Runtime register <paramref name="index"/> (0 to 3), 48 bytes.</summary>
    public ReadOnlyMemory<byte> Rtmr(int index) => index is >= 0 and <= 3
        ? Body.Slice(328 + (48 * index), 48)
        : throw new ArgumentOutOfRangeException(nameof(index));
}

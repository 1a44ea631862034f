namespace Cloister.Attestation.Abi.Dcap;

/// <summary>What a TDX module must be: <c>tdxModule</c> of TCB info, or an entry of <c>tdxModuleIdentities</c>.</summary>
public sealed class TdxModule
{
    internal TdxModule(string id, byte[] mrSigner, byte[] attributes, byte[] attributesMask, IReadOnlyList<IsvSvnLevel> levels)
    {
        Id = id;
        MrSigner = mrSigner;
        Attributes = attributes;
        AttributesMask = attributesMask;
        Levels = levels;
    }

    /// <summary><c>TDX_01</c> and so on; empty for <c>tdxModule</c>.</summary>
    public string Id { get; }

    /// <summary>Signer, 48 bytes; zero for Intel's.</summary>
    public ReadOnlyMemory<byte> MrSigner { get; }

    /// <summary>Attributes, 8 bytes.</summary>
    public ReadOnlyMemory<byte> Attributes { get; }

    /// <summary>Which attributes count, 8 bytes.</summary>
    public ReadOnlyMemory<byte> AttributesMask { get; }

    /// <summary>Levels, highest first; empty for <c>tdxModule</c>.</summary>
    public IReadOnlyList<IsvSvnLevel> Levels { get; }
}

namespace Cloister.Attestation.Abi.Snp;

/// <summary>One entry of a certificate table.</summary>
/// <param name="Kind">What its GUID says it holds.</param>
/// <param name="Offset">Where its data starts in the table.</param>
/// <param name="Data">Its data; not looked into.</param>
public readonly record struct SnpCertificateEntry(SnpCertificateKind Kind, int Offset, ReadOnlyMemory<byte> Data);

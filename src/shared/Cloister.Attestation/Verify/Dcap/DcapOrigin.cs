using Cloister.Attestation.Certificates;
using Cloister.Attestation.Collateral;

namespace Cloister.Attestation.Verify.Dcap;

/// <summary>Where a quote comes from whose signatures hold.</summary>
/// <param name="Model">Which collateral it needs.</param>
/// <param name="Root">The pinned root of its PCK chain.</param>
/// <param name="ReportData">What it covers, 64 bytes.</param>
public sealed record DcapOrigin(DcapCollateralKey Model, Certificate Root, ReadOnlyMemory<byte> ReportData);

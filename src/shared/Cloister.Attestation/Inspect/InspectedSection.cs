using Cloister.Attestation.Claims;

namespace Cloister.Attestation.Inspect;

/// <summary>A part of a piece of evidence and its fields.</summary>
/// <param name="Name">snake_case: <c>header</c>, <c>report</c>, <c>certificate_0</c>.</param>
/// <param name="Fields">Fields by their specification's names.</param>
public sealed record InspectedSection(string Name, ClaimSet Fields);

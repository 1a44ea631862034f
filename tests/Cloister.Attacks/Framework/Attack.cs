namespace Cloister.Attacks.Framework;

/// <summary>One thing that one attacker tries. Every class of this program that derives from it is in the catalogue.</summary>
/// <param name="name">Unique, of lower-case words with hyphens: the threat model names it so.</param>
/// <param name="attacker">Who tries it.</param>
/// <param name="has">What he has, in a few words, for the table.</param>
/// <param name="promise">Whether the threat model says that it is refused.</param>
/// <param name="how">One sentence for the table: what refuses it; of what is not protected, what is lost.</param>
internal abstract class Attack(string name, Attacker attacker, string has, Promise promise, string how)
{
    public string Name => name;

    public Attacker Attacker => attacker;

    public string Has => has;

    public Promise Promise => promise;

    public string How => how;

    /// <summary>After this it is ended, and has failed.</summary>
    public virtual TimeSpan Limit => TimeSpan.FromMinutes(2);

    /// <summary>Nothing else runs meanwhile: it loads the machine, or goes by time.</summary>
    public virtual bool Alone => false;

    /// <summary>Tries it, with and without what is to refuse it.</summary>
    /// <param name="ground">Processes to attack; what it starts is stopped afterwards.</param>
    public abstract Task<Outcome> RunAsync(Ground ground);
}

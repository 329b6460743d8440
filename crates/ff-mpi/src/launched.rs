//! This module reads what a launcher such as `mpirun` has written into the environment of its processes.

/// The place of this process among those of its launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launched {
    /// The number of this rank, counted from 0.
    pub rank: usize,
    /// The number of ranks.
    pub size: usize,
    /// The number of this rank among those of its machine. Where the launcher does not say it, this is `rank`.
    pub local_rank: usize,
    /// The number of ranks on this machine. Where the launcher does not say it, this is `size`: a machine that is thought too
    /// full gets too few threads, which does no harm.
    pub local_size: usize,
}

/// The variables of the launchers: rank, size, local rank, local size.
const LAUNCHERS: [[&str; 4]; 3] = [
    [
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ],
    ["PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"],
    SLURM,
];

/// Slurm's variables. The local ones also complete those of PMI, which `srun` sets without local numbers.
const SLURM: [&str; 4] = ["SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE"];

/// One of these is there if `srun` has started a rank of MPI. A batch script has Slurm's variables without them, and it is not
/// one of several ranks.
const PMI: [&str; 4] = ["PMI_RANK", "PMI_FD", "PMIX_RANK", "PMIX_NAMESPACE"];

impl Launched {
    /// Reads the variables through `variable`, which returns the text of one.
    pub(crate) fn of(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.parse::<usize>().ok();
        let by_srun = PMI.iter().any(|name| variable(name).is_some());
        LAUNCHERS.iter().find_map(|names| {
            let [rank, size, local_rank, local_size] = *names;
            let (rank, size) = (number(rank)?, number(size)?);
            if rank >= size || (*names == SLURM && !by_srun) {
                return None;
            }
            let local = |name, slurm| number(name).or_else(|| by_srun.then(|| number(slurm))?);
            let (local_rank, local_size) = match (local(local_rank, SLURM[2]), local(local_size, SLURM[3])) {
                (Some(local_rank), Some(local_size)) if local_rank < local_size => (local_rank, local_size),
                (Some(local_rank), _) => (local_rank, size),
                _ => (rank, size),
            };
            Some(Self { rank, size, local_rank, local_size })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads variables written as `NAME=text NAME=text`.
    fn of(variables: &str) -> Option<[usize; 4]> {
        let pairs: Vec<(&str, &str)> = variables.split(' ').filter_map(|pair| pair.split_once('=')).collect();
        let launched = Launched::of(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, text)| text.to_string())
        })?;
        Some([launched.rank, launched.size, launched.local_rank, launched.local_size])
    }

    #[test]
    fn every_launcher_is_known() {
        let open_mpi = "OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_LOCAL_RANK=1 \
                        OMPI_COMM_WORLD_LOCAL_SIZE=2 PMIX_RANK=3";
        assert_eq!(of(open_mpi), Some([3, 4, 1, 2]));
        assert_eq!(of("PMI_RANK=5 PMI_SIZE=6 MPI_LOCALRANKID=2 MPI_LOCALNRANKS=3"), Some([5, 6, 2, 3]));
        let slurm = "SLURM_PROCID=7 SLURM_NTASKS=8 SLURM_LOCALID=3 SLURM_NTASKS_PER_NODE=4";
        assert_eq!(of(&format!("{slurm} PMIX_RANK=7")), Some([7, 8, 3, 4]));
        assert_eq!(of(&format!("{slurm} PMI_RANK=7 PMI_SIZE=8")), Some([7, 8, 3, 4]));
    }

    #[test]
    fn a_process_without_a_launcher_is_alone() {
        assert_eq!(of(""), None);
        // A batch script has these, and so has every program that it starts without srun.
        assert_eq!(of("SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_LOCALID=0 SLURM_NTASKS_PER_NODE=4"), None);
    }

    #[test]
    fn mpirun_within_a_batch_job_counts_more_than_the_job() {
        let job = "SLURM_PROCID=0 SLURM_NTASKS=8 SLURM_LOCALID=0";
        let mpirun = "PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=2";
        assert_eq!(of(&format!("{job} {mpirun}")), Some([1, 2, 1, 2]));
    }

    #[test]
    fn what_a_launcher_does_not_say_is_one_full_machine() {
        assert_eq!(of("PMI_RANK=1 PMI_SIZE=2"), Some([1, 2, 1, 2]));
        assert_eq!(of("SLURM_PROCID=7 SLURM_NTASKS=8 SLURM_LOCALID=3 PMIX_RANK=7"), Some([7, 8, 3, 8]));
    }

    #[test]
    fn nonsense_is_no_launcher() {
        assert_eq!(of("PMI_RANK=one PMI_SIZE=2"), None);
        assert_eq!(of("PMI_RANK=2 PMI_SIZE=2"), None);
        assert_eq!(of("PMI_RANK=1"), None);
        assert_eq!(of("PMI_RANK=1 PMI_SIZE=2 MPI_LOCALRANKID=9 MPI_LOCALNRANKS=2"), Some([1, 2, 9, 2]));
    }
}
